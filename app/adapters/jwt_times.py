"""Check the size of JWTs and their claims about time.

Invariant: `now` is passed in. PyJWT would read the system clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MAX_TOKEN_LENGTH = 8192
LATEST_TIME = 1e11  # seconds, beyond any calendar. Keeps arithmetic on untrusted numbers within floats.

# PyJWT checks the signature only. This module and its callers check every claim.
SIGNATURE_ONLY: dict[str, Any] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def time_problem(claims: Mapping[str, Any], now: datetime, leeway_seconds: float) -> str | None:
    """Check `exp`, `nbf` and `iat`, each only if present.

    Returns the first problem, None if the times are valid.
    """
    instant = now.timestamp()
    for name in ("exp", "nbf", "iat"):
        if name not in claims:
            continue
        value = claims[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not -LATEST_TIME < value < LATEST_TIME:
            return f"{name} is not a time"
        if name == "exp" and value <= instant - leeway_seconds:
            return f"exp passed {instant - value:.1f} s ago"
        if name != "exp" and value > instant + leeway_seconds:
            return f"{name} is {value - instant:.1f} s ahead of this clock"
    return None


def lifetime_problem(
    claims: Mapping[str, Any], now: datetime, longest_seconds: float, leeway_seconds: float
) -> str | None:
    """Check the time from `iat` to `exp`, of claims without a `time_problem`. Without `iat`, it counts from now.

    Returns the problem, None if the token ends early enough.
    """
    start = claims.get("iat", now.timestamp() + leeway_seconds)
    lifetime = claims["exp"] - start
    if lifetime <= longest_seconds:
        return None
    return f"the token lives {lifetime:.0f} s, longer than MAX_TOKEN_LIFETIME_SECONDS ({longest_seconds:.10g})"


def token_problem(token: object) -> str | None:
    """Check a token before it is parsed.

    Returns the problem, None if the token is ASCII text of an acceptable length.
    """
    if not isinstance(token, str) or not token:
        return "there is no token"
    if len(token) > MAX_TOKEN_LENGTH:
        return f"the token is longer than {MAX_TOKEN_LENGTH} characters"
    return None if token.isascii() else "the token has characters that no token has"
