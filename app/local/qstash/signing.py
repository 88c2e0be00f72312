"""The signing keys, and the signature of a delivery: a JWT over the destination and the body's hash."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass

import jwt

LIFETIME_SECONDS = 300


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The signing key, and its successor after the next rotation."""

    current: str
    next: str

    def rotated(self) -> "SigningKeys":
        return SigningKeys(self.next, f"sig_{secrets.token_hex(14)}")


def body_digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()


def sign(key: str, url: str, digest: str) -> str:
    now = int(time.time())
    claims = {
        "iss": "Upstash",
        "sub": url,
        "aud": "",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": f"jwt_{secrets.token_hex(12)}",
        "body": digest,
    }
    return jwt.encode(claims, key, algorithm="HS256")
