"""Call LinkedIn's OAuth 2.0 endpoints through Authlib.

Invariant: every failure is an AuthorizationError without secrets in its text.
Sources: learn.microsoft.com/linkedin/shared/authentication (authorization-code-flow, programmatic-refresh-tokens) and
linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2 (userinfo).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.adapters.oauth_errors import authorization_errors
from app.domain.names import fits_name, is_name
from app.domain.oauth import AuthorizationError, Grant, Member
from app.log import emit
from app.settings.pasted import INVISIBLE
from app.settings.values import Settings
from app.version import VERSION

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

CONNECT_SECONDS = 5.0
MAX_TOKEN_LENGTH = 8192
MAX_LIFETIME_SECONDS = 10 * 366 * 86_400.0  # keeps expiry times inside the calendar
MEMBER_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


class LinkedIn:
    """An implementation of domain.oauth.Authorizer. Authlib and requests are imported at first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def authorization_url(self, state: str, verifier: str) -> str:
        """Build the URL of LinkedIn's consent page. No call is made."""
        s = self._settings
        with self._session(scope=" ".join(s.linkedin_scopes)) as session:
            url, _ = session.create_authorization_url(
                s.linkedin_authorization_url, state=state, code_verifier=verifier if s.linkedin_pkce else None
            )
        return str(url)

    def exchange(self, code: str, verifier: str) -> Grant:
        """Exchange an authorization code for tokens.

        LinkedIn accepts a PKCE challenge from every app. Without PKCE enabled for the app, it then refuses the verifier
        with `invalid_client`. The exchange is then repeated without the verifier: our secret and state still protect
        the code.

        Raises: AuthorizationError when LinkedIn gives no tokens.
        """
        if self._settings.linkedin_pkce:
            try:
                return self._exchange(code, code_verifier=verifier)
            except AuthorizationError as error:
                if error.code != "invalid_client":
                    raise
                emit("linkedin.verifier_refused", hint="set LINKEDIN_PKCE=0 if the app has no PKCE: it saves this try")
        return self._exchange(code)

    def identify(self, access_token: str) -> Member:
        """Fetch the member of this token. A member without a usable name is named by the URN.

        Raises: AuthorizationError when userinfo cannot be read or has no member id.
        """
        token = {"access_token": access_token, "token_type": "Bearer"}
        with self._session(token=token) as session, authorization_errors((access_token,)):
            body = session.get(self._settings.linkedin_userinfo_url, timeout=self._timeout()).json()
        sub, name = (body.get("sub"), body.get("name")) if isinstance(body, dict) else (None, None)
        if not isinstance(sub, str) or not MEMBER_ID.fullmatch(sub):
            raise AuthorizationError("broken_answer", "userinfo names no member: is the scope openid granted?")
        urn = f"urn:li:person:{sub}"
        fitting = _fitting_name(name) if isinstance(name, str) else ""
        return Member(urn, fitting if is_name(fitting) else urn)

    def refresh(self, refresh_token: str, seconds: float | None = None) -> Grant:
        """Exchange a refresh token for tokens.

        `seconds` bounds the call. None means the configured timeout. That is also the maximum.

        Raises: AuthorizationError when LinkedIn gives no tokens.
        """
        return self._request_grant(
            lambda session: session.refresh_token(
                self._settings.linkedin_token_url, refresh_token=refresh_token, timeout=self._timeout(seconds)
            ),
            refresh_token,
        )

    def revoke(self, token: str) -> None:
        """Revoke an access or refresh token.

        Raises: AuthorizationError when LinkedIn does not revoke it.
        """
        s = self._settings
        secret = str(s.linkedin_client_secret)
        form = {"token": token, "client_id": s.linkedin_client_id, "client_secret": secret}
        with self._session() as session, authorization_errors((token, secret)):
            answer = session.post(s.linkedin_revocation_url, data=form, withhold_token=True, timeout=self._timeout())
            if answer.status_code != 200:
                raise AuthorizationError("refused", f"the answer is {answer.status_code}")

    def _exchange(self, code: str, **options: str) -> Grant:
        return self._request_grant(
            lambda session: session.fetch_token(
                self._settings.linkedin_token_url,
                grant_type="authorization_code",
                code=code,
                timeout=self._timeout(),
                **options,
            ),
            code,
            *options.values(),
        )

    def _request_grant(self, call: Callable[[OAuth2Session], Any], *secrets: str) -> Grant:
        with self._session() as session, authorization_errors((*secrets, str(self._settings.linkedin_client_secret))):
            answer = call(session)
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not _is_token(access) or not (refresh is None or _is_token(refresh)):
            raise AuthorizationError("broken_answer", "the token endpoint answered without a token")
        return Grant(
            access, refresh, _lifetime(answer.get("expires_in")), _lifetime(answer.get("refresh_token_expires_in"))
        )

    @contextmanager
    def _session(self, **options: Any) -> Iterator[OAuth2Session]:
        from authlib.integrations.requests_client import OAuth2Session

        from app.adapters.linkedin_transport import LinkedInTransport

        s = self._settings
        session = OAuth2Session(
            s.linkedin_client_id,
            s.linkedin_client_secret,
            # LinkedIn accepts credentials in the body only.
            token_endpoint_auth_method="client_secret_post",  # noqa: S106  # nosec B106
            redirect_uri=s.connect_callback_url,
            code_challenge_method="S256",
            **options,
        )
        session.trust_env = False  # no proxy or .netrc: tokens go to LinkedIn only
        session.headers["User-Agent"] = f"Punctual/{VERSION}"
        for scheme in ("https://", "http://"):
            session.mount(scheme, LinkedInTransport())
        with session:
            yield session

    def _timeout(self, seconds: float | None = None) -> tuple[float, float]:
        bound = min(seconds or self._settings.linkedin_timeout_seconds, self._settings.linkedin_timeout_seconds)
        return min(CONNECT_SECONDS, bound), bound


def _fitting_name(name: str) -> str:
    return "".join(char for char in name if fits_name(char) and char not in INVISIBLE)[:255].strip()


def _is_token(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TOKEN_LENGTH and value.isascii() and value.isprintable()


def _lifetime(value: object) -> float | None:
    """Return a lifetime in seconds, None if it is missing or absurd. Some servers send it as text."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < MAX_LIFETIME_SECONDS else None
