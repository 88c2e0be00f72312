"""Verify QStash's signature on a delivery, with PyJWT instead of the SDK's receiver.

Invariant: every token without a valid signature raises BadSignature, with a reason for the log.
The SDK (qstash 3.4.0) ignores its clock tolerance, names only the second key's failure, and raises KeyError or
AttributeError for malformed tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.adapters.jwt_times import SIGNATURE_ONLY, time_problem, token_problem
from app.domain.keys import MAX_CLOCK_SKEW_SECONDS
from app.domain.verifiers import BadSignature, SignedDelivery

ISSUER = "Upstash"
REQUIRED_CLAIMS = ("iss", "sub", "exp", "nbf", "body")


class SignatureVerifier:
    """A verifier with the current and the next signing key. QStash rotates keys, so both are valid.

    A key of None is not set. `leeway_seconds` is the accepted clock difference.
    """

    def __init__(
        self, current_key: str | None, next_key: str | None, leeway_seconds: float = MAX_CLOCK_SKEW_SECONDS
    ) -> None:
        self._keys = (("current key", current_key), ("next key", next_key))
        self._leeway = leeway_seconds

    def verify(self, token: str | None, url: str, now: datetime) -> SignedDelivery:
        """Verify a delivery's token, all but the body: the caller compares that after reading it.

        `url` is the configured address of the route. Behind a proxy, a request's own URL can be wrong.

        Raises: BadSignature when the signature or a claim is wrong.
        """
        if (problem := token_problem(token)) is not None:
            raise BadSignature(problem)
        claims = self._signed_claims(str(token))
        if (problem := self._claims_problem(claims, url, now)) is not None:
            raise BadSignature(problem)
        instant = max(claims.get("iat", claims["nbf"]), 0)  # a negative year has no datetime
        return SignedDelivery(datetime.fromtimestamp(instant, UTC), claims["body"])

    def _signed_claims(self, token: str) -> Mapping[str, Any]:
        failures = []
        for name, key in self._keys:
            try:
                return _decode(token, key)
            except Exception as error:  # an untrusted token can make PyJWT raise anything
                failures.append(f"{name}: {str(error)[:200] or type(error).__name__}")
        raise BadSignature("; ".join(failures))

    def _claims_problem(self, claims: Mapping[str, Any], url: str, now: datetime) -> str | None:
        missing = [name for name in REQUIRED_CLAIMS if claims.get(name) is None]
        if missing:
            return f"the token has no {', '.join(missing)}"
        if claims["iss"] != ISSUER:
            return "iss is not Upstash"
        if claims["sub"] != url:
            return f"sub is {str(claims['sub'])[:200]!r}, the configured address is {url!r}"
        return time_problem(claims, now, self._leeway)


def _decode(token: str, key: str | None) -> Mapping[str, Any]:
    import jwt  # 0.14 s of a cold start, needed by deliveries only

    if not key:
        raise ValueError("is not set")
    options: Any = SIGNATURE_ONLY
    return jwt.decode(token, key, algorithms=["HS256"], options=options)
