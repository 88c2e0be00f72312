"""Signed codes and tokens. They contain their own claims, so nothing is stored and they survive a restart."""

import base64
import hashlib
import hmac
import json
from typing import Any


class Signer:
    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(secret.encode()).digest()

    def make(self, kind: str, **claims: Any) -> str:
        body = base64.urlsafe_b64encode(json.dumps({"kind": kind, **claims}).encode()).decode().rstrip("=")
        return f"{body}.{self._mac(body)}"

    def read(self, kind: str, token: str) -> dict[str, Any] | None:
        """Return the claims of a token of this kind, or None for a wrong signature or kind."""
        body, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(body).encode()):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims if claims["kind"] == kind else None

    def _mac(self, body: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._key, body.encode(), "sha256")).decode().rstrip("=")


def challenge_of(verifier: str) -> str:
    """Return the S256 code challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
