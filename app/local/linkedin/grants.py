"""Who was given what: codes good once for half an hour, access tokens, refresh tokens that keep their own end."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from app.local.linkedin.signing import Signer, challenge_of

CODE_LIVES = 30 * 60
REVOKED = "The provided authorization grant or refresh token is invalid, expired or revoked"
MISMATCH = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)


class RefusedError(Exception):
    """An OAuth error answer: status, name and description."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


@dataclass
class Grants:
    client_id: str
    client_secret: str
    redirect_uri: str
    access_life: float = 60 * 86_400.0  # seconds, as LinkedIn's: 60 days and 365
    refresh_life: float = 365 * 86_400.0
    revoked: dict[str, float] = field(default_factory=dict)  # member → tokens from before are dead
    spent: set[str] = field(default_factory=set)  # codes and rotated refresh tokens

    def __post_init__(self) -> None:
        self.signer = Signer(self.client_secret)

    def code(self, ask: dict[str, str], member: str) -> str:
        kept = {name: ask.get(name, "") for name in ("redirect_uri", "scope", "code_challenge")}
        return self.signer.make("code", member=member, at=time.time(), nonce=secrets.token_hex(8), **kept)

    def check_client(self, form: dict[str, str], web_flow: bool) -> None:
        given = form.get("client_id", "") + "\n" + form.get("client_secret", "")
        known = hmac.compare_digest(given.encode(), f"{self.client_id}\n{self.client_secret}".encode())
        if not known or (web_flow and "code_verifier" in form):
            raise RefusedError(401, "invalid_client", "Client authentication failed")

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        code = form.get("code", "")
        claims = self.signer.read("code", code)
        if claims is None or code in self.spent or time.time() > claims["at"] + CODE_LIVES:
            raise RefusedError(400, "invalid_request", MISMATCH)
        challenge = claims["code_challenge"]
        verified = not challenge or "code_verifier" not in form or challenge_of(form["code_verifier"]) == challenge
        if not verified or form.get("redirect_uri") != claims["redirect_uri"]:
            raise RefusedError(400, "invalid_request", MISMATCH)
        self.spent.add(code)
        return self._tokens(claims["member"], claims["scope"], time.time() + self.refresh_life)

    def require_verifier(self, form: dict[str, str]) -> None:
        """What PKCE is for: a code that was asked for with a challenge is of no use without the verifier."""
        claims = self.signer.read("code", form.get("code", ""))
        if claims is not None and claims["code_challenge"] and "code_verifier" not in form:
            raise RefusedError(400, "invalid_request", MISMATCH)

    def refresh(self, form: dict[str, str], rotate: bool) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        claims = self.signer.read("refresh", token)
        if claims is None or token in self.spent or claims["ends"] < time.time() or self._is_revoked(claims):
            raise RefusedError(400, "invalid_grant", REVOKED)
        if rotate:
            self.spent.add(token)
            return self._tokens(claims["member"], claims["scope"], claims["ends"])
        return self._tokens(claims["member"], claims["scope"], claims["ends"], token)

    def member(self, access_token: str) -> str | None:
        claims = self.signer.read("access", access_token)
        good = claims is not None and claims["ends"] > time.time() and not self._is_revoked(claims)
        return str(claims["member"]) if claims is not None and good else None

    def revoke(self, member: str) -> None:
        self.revoked[member] = time.time()

    def _is_revoked(self, claims: dict[str, Any]) -> bool:
        return bool(claims["at"] <= self.revoked.get(claims["member"], 0.0))

    def _tokens(self, member: str, scope: str, refresh_ends: float, refresh: str | None = None) -> dict[str, Any]:
        now = time.time()
        left = max(refresh_ends - now, 0.0)
        life = min(self.access_life, left)
        about = {"member": member, "scope": scope, "at": now, "nonce": secrets.token_hex(8)}
        return {
            "access_token": self.signer.make("access", ends=now + life, **about),
            "expires_in": int(life),
            "refresh_token": refresh or self.signer.make("refresh", ends=refresh_ends, **about),
            "refresh_token_expires_in": int(left),
            "scope": scope.replace(" ", ","),
            "token_type": "Bearer",
        }


def member_id(name: str) -> str:
    """The same name is the same member, here and after a restart."""
    return "local-" + hashlib.sha256(name.strip().casefold().encode()).hexdigest()[:10]
