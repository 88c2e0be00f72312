"""Authorization codes, access tokens and refresh tokens.

A code is valid once, for half an hour. A refresh token keeps its expiry when it is used.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from app.local.linkedin.signing import Signer, challenge_of

CODE_LIFE_SECONDS = 30 * 60
REVOKED = "The provided authorization grant or refresh token is invalid, expired or revoked"
MISMATCH = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)


class OAuthError(Exception):
    """An OAuth error answer: HTTP status, error name and description."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


@dataclass
class Grants:
    """The tokens of one registered app."""

    client_id: str
    client_secret: str
    redirect_uri: str
    access_life: float = 60 * 86_400.0  # seconds, as at LinkedIn: 60 days and 365 days
    refresh_life: float = 365 * 86_400.0
    revoked: dict[str, float] = field(default_factory=dict)  # member → tokens issued up to this time are revoked
    used: set[str] = field(default_factory=set)  # codes and rotated refresh tokens

    def __post_init__(self) -> None:
        self.signer = Signer(self.client_secret)

    def code(self, query: dict[str, str], member: str) -> str:
        """Issue an authorization code for the query of an authorization request."""
        kept = {name: query.get(name, "") for name in ("redirect_uri", "scope", "code_challenge")}
        return self.signer.make("code", member=member, at=time.time(), nonce=secrets.token_hex(8), **kept)

    def check_client(self, form: dict[str, str], web_flow: bool) -> None:
        """Check the client's id and secret.

        Raises: OAuthError when they are wrong, or when `web_flow` is set and a code verifier is sent.
        """
        given = form.get("client_id", "") + "\n" + form.get("client_secret", "")
        known = hmac.compare_digest(given.encode(), f"{self.client_id}\n{self.client_secret}".encode())
        if not known or (web_flow and "code_verifier" in form):
            raise OAuthError(401, "invalid_client", "Client authentication failed")

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """Exchange an authorization code for tokens.

        Raises: OAuthError when the code is invalid, used or expired, or the redirect URI or verifier do not match.
        """
        code = form.get("code", "")
        claims = self.signer.read("code", code)
        if claims is None or code in self.used or time.time() > claims["at"] + CODE_LIFE_SECONDS:
            raise OAuthError(400, "invalid_request", MISMATCH)
        challenge = claims["code_challenge"]
        verified = not challenge or "code_verifier" not in form or challenge_of(form["code_verifier"]) == challenge
        if not verified or form.get("redirect_uri") != claims["redirect_uri"]:
            raise OAuthError(400, "invalid_request", MISMATCH)
        self.used.add(code)
        return self._tokens(claims["member"], claims["scope"], time.time() + self.refresh_life)

    def require_verifier(self, form: dict[str, str]) -> None:
        """Require the code verifier if the code has a challenge (PKCE, RFC 7636).

        Raises: OAuthError when the verifier is missing.
        """
        claims = self.signer.read("code", form.get("code", ""))
        if claims is not None and claims["code_challenge"] and "code_verifier" not in form:
            raise OAuthError(400, "invalid_request", MISMATCH)

    def refresh(self, form: dict[str, str], rotate: bool) -> dict[str, Any]:
        """Issue a new access token for a refresh token, and a new refresh token if `rotate` is set.

        Raises: OAuthError when the refresh token is invalid, expired, rotated or revoked.
        """
        token = form.get("refresh_token", "")
        claims = self.signer.read("refresh", token)
        if claims is None or token in self.used or claims["ends"] < time.time() or self._is_revoked(claims):
            raise OAuthError(400, "invalid_grant", REVOKED)
        if rotate:
            self.used.add(token)
            return self._tokens(claims["member"], claims["scope"], claims["ends"])
        return self._tokens(claims["member"], claims["scope"], claims["ends"], token)

    def member(self, access_token: str) -> str | None:
        """Return the member's name, or None for a token that is invalid, expired or revoked."""
        claims = self.signer.read("access", access_token)
        good = claims is not None and claims["ends"] > time.time() and not self._is_revoked(claims)
        return str(claims["member"]) if claims is not None and good else None

    def owner(self, token: str) -> str:
        """Return the member of an access or refresh token.

        Raises: OAuthError for a token that is none of ours.
        """
        claims = self.signer.read("access", token) or self.signer.read("refresh", token)
        if claims is None:
            raise OAuthError(400, "invalid_request", REVOKED)
        return str(claims["member"])

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
    """Derive the member's id from the name, so that it stays the same after a restart."""
    return "local-" + hashlib.sha256(name.strip().casefold().encode()).hexdigest()[:10]
