"""The console's sessions: a user, a role and an end, signed for a cookie.

Invariant: the key is derived from a secret and from what tokens must name, so a session of another installation is no
session here, and none outlives a change of the secret.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.principal import is_user_id

COOKIE = "__Host-punctual"
SESSION_LABEL = "punctual console session 1"
LIFETIME = timedelta(hours=12)
MAX_LENGTH = 4096  # characters of a cookie in every browser
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    user_id: str
    admin: bool
    expires_at: datetime


def session_key(secret: str, scope: Iterable[str | None], label: str = SESSION_LABEL) -> bytes:
    """Derive the key of sessions, or of the cookies with this label.

    `scope` has the issuer, the audience and the address of the installation.
    """
    return hmac.digest(secret.encode(), json.dumps([label, *scope]).encode(), "sha256")


def begin_session(user_id: str, admin: bool, token_ends: datetime, now: datetime) -> Session:
    """Return a session of 12 hours. It ends with its token, in whole seconds."""
    return Session(user_id, admin, min(token_ends, now + LIFETIME).replace(microsecond=0))


def write_session(session: Session, key: bytes) -> str:
    """Return the signed session, as the cookie's value."""
    return write_signed([session.user_id, session.admin, int(session.expires_at.timestamp())], key)


def read_session(value: str, key: bytes) -> Session | None:
    """Return the session of a cookie, ended or not. None if the key did not sign it."""
    found = read_signed(value, key)
    if found is None:
        return None
    user_id, admin, ends = found
    return Session(user_id, admin, datetime.fromtimestamp(ends, UTC)) if is_user_id(user_id) else None


def write_signed(values: list[Any], key: bytes) -> str:
    """Return the values as a cookie, signed."""
    text = base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()
    return f"{text}.{_proof(text, key)}"


def read_signed(value: str, key: bytes) -> list[Any] | None:
    """Return the values of a cookie, None if the key did not sign it."""
    parts = _FORM.fullmatch(value) if len(value) <= MAX_LENGTH else None
    if parts is None or not hmac.compare_digest(parts[2], _proof(parts[1], key)):
        return None
    found: list[Any] = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    return found


def _proof(text: str, key: bytes) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
