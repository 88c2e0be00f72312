"""Sign people in by an OpenID Connect provider, through Authlib: authorization code with PKCE, state and nonce.

Invariant: the issuer is a setting. All that its discovery document names is fetched by https, and no ID token counts
without this issuer, this client, this nonce and a signature of its published keys.
Sources: OpenID Connect Core 1.0, 3.1.3.7 and Discovery 1.0, 4.3, RFC 9207.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.adapters.jwt_times import SIGNATURE_ONLY, time_problem, token_problem
from app.adapters.oauth_errors import authorization_errors
from app.domain.oauth import AuthorizationError
from app.domain.ports import Clock
from app.domain.principal import Principal, is_user_id
from app.domain.sign_in import Journey
from app.domain.turns import paused
from app.settings.transport import is_plain
from app.settings.values import Settings
from app.version import VERSION

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

    from app.adapters.jwks import JwksClient

WELL_KNOWN = "/.well-known/openid-configuration"
SECONDS, CONNECT_SECONDS = 10.0, 5.0
KEPT_SECONDS, PAUSE_SECONDS = 600.0, 10.0  # of a discovery document, and after a failed fetch
LEEWAY_SECONDS = 10
ALGORITHMS = ["RS256", "ES256"]
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcProvider:
    """An implementation of domain.sign_in.SignIn. Authlib and PyJWT are imported at first use."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._issuer = str(settings.console_oidc_issuer)
        self._lock = threading.Lock()
        self._document: dict[str, Any] | None = None
        self._fetch_at = 0.0  # by the monotonic clock
        self._keys: JwksClient | None = None

    def address(self, journey: Journey) -> str:
        document = self._discovered()
        with self._session(document) as session:
            url, _ = session.create_authorization_url(
                document["authorization_endpoint"],
                state=journey.state,
                nonce=journey.nonce,
                code_verifier=journey.verifier,
            )
        return str(url)

    def user(self, journey: Journey, code: str, issuer: str | None) -> Principal:
        if issuer is not None and issuer != self._issuer:
            raise AuthorizationError("refused", "the answer came from another issuer")
        document = self._discovered()
        secrets = (code, journey.verifier, self._settings.console_oidc_client_secret or code)
        with self._session(document) as session, authorization_errors(secrets):
            answer = session.fetch_token(
                document["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=journey.verifier,
                timeout=(CONNECT_SECONDS, SECONDS),
            )
        claims = self._signed_claims(answer.get("id_token"), document)
        if (problem := self._claims_problem(claims, journey)) is not None:
            raise AuthorizationError("refused", f"the ID token does not count: {problem}")
        return Principal(claims["sub"], claims.get("role") == "admin")

    def _signed_claims(self, token: object, document: Mapping[str, Any]) -> Mapping[str, Any]:
        if (problem := token_problem(token)) is not None:
            raise AuthorizationError("broken_answer", f"the ID token does not count: {problem}")
        import jwt

        options: Any = SIGNATURE_ONLY
        try:
            key = self._published_keys(document["jwks_uri"]).key_for(str(token), ALGORITHMS)
            return jwt.decode(str(token), key, algorithms=ALGORITHMS, options=options)
        except jwt.PyJWKClientConnectionError as error:
            raise AuthorizationError("unreachable", f"the provider's keys: {error}") from None
        except Exception as error:  # an untrusted token can cause every kind
            raise AuthorizationError("refused", f"the ID token does not count: {type(error).__name__}") from None

    def _claims_problem(self, claims: Mapping[str, Any], journey: Journey) -> str | None:
        client, audience = self._settings.console_oidc_client_id, claims.get("aud")
        nonce = str(claims.get("nonce")).encode("utf-8", "replace")
        clients = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._issuer:
            return "iss is not CONSOLE_OIDC_ISSUER"
        if client not in clients:
            return "aud does not name CONSOLE_OIDC_CLIENT_ID"
        if claims.get("azp", client if len(clients) == 1 else None) != client:
            return "azp is not CONSOLE_OIDC_CLIENT_ID"
        if not hmac.compare_digest(nonce, journey.nonce.encode()):
            return "nonce is that of another sign-in"
        if not is_user_id(claims.get("sub")):
            return "sub is not a user id"
        if claims.get("exp") is None:
            return "it has no exp"
        return time_problem(claims, self._clock.now(), LEEWAY_SECONDS)

    def _published_keys(self, url: str) -> JwksClient:
        with self._lock:
            if self._keys is None or self._keys.uri != url:
                from app.adapters.jwks import JwksClient

                self._keys = JwksClient(url)
            return self._keys

    def _discovered(self) -> dict[str, Any]:
        """Return the discovery document, fetched at most every ten minutes.

        Raises: AuthorizationError.
        """
        document, now = self._document, time.monotonic()
        if document is not None and now < self._fetch_at:
            return document
        if document is None and now < self._fetch_at:
            raise AuthorizationError("unreachable", "the discovery document could not be fetched a moment ago")
        try:
            document = self._fetch()
        except AuthorizationError:
            self._fetch_at = time.monotonic() + PAUSE_SECONDS
            if self._document is not None:
                return self._document  # people sign in during an outage of this one address
            raise
        self._document, self._fetch_at = document, time.monotonic() + KEPT_SECONDS
        return document

    def _fetch(self) -> dict[str, Any]:
        from app.adapters.jwks_fetch import BrokenAnswer, fetch_key_set

        try:
            with paused():
                document = fetch_key_set(self._issuer.rstrip("/") + WELL_KNOWN, SECONDS)
        except (BrokenAnswer, json.JSONDecodeError, RecursionError) as error:
            raise AuthorizationError("broken_answer", f"the discovery document: {error}"[:200]) from None
        except Exception as error:  # urllib3's own, for every fault of the network
            raise AuthorizationError("unreachable", f"the discovery document: {type(error).__name__}") from None
        if document.get("issuer") != self._issuer:
            raise AuthorizationError("broken_answer", "the discovery document is of another issuer")
        for name in ENDPOINTS:
            url = document.get(name)
            if not isinstance(url, str) or not url.startswith(("https://", "http://")) or self._is_open(url):
                raise AuthorizationError("broken_answer", f"the discovery document has no https address as {name}")
        return document

    def _is_open(self, url: str) -> bool:
        return not self._settings.local and is_plain(url, self._settings.allow_http_hosts)

    @contextmanager
    def _session(self, document: Mapping[str, Any]) -> Iterator[OAuth2Session]:
        from authlib.integrations.requests_client import OAuth2Session

        from app.adapters.linkedin_transport import LinkedInTransport

        s = self._settings
        session = OAuth2Session(
            s.console_oidc_client_id,
            s.console_oidc_client_secret,
            token_endpoint_auth_method=_method(document, s.console_oidc_client_secret),
            redirect_uri=s.sign_in_callback_url,
            code_challenge_method="S256",
            scope="openid",
        )
        session.trust_env = False  # no proxy or .netrc: the client's secret goes to the provider only
        session.headers["User-Agent"] = f"Punctual/{VERSION}"
        for scheme in ("https://", "http://"):
            session.mount(scheme, LinkedInTransport())
        with session:
            yield session


def _method(document: Mapping[str, Any], secret: str | None) -> str:
    """Return how the client proves itself at the token endpoint: by the body, where the provider takes no other way."""
    if secret is None:
        return "none"
    offered = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_post" if "client_secret_basic" not in offered else "client_secret_basic"
