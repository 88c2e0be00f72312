"""LinkedIn's OAuth 2.0 through Authlib: the address a member is sent to, and tokens for codes and refresh tokens.

Sources: learn.microsoft.com/linkedin/shared/authentication (authorization-code-flow, programmatic-refresh-tokens) and
linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2 (userinfo).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.domain.oauth import AuthorizationError, Grant, Member
from app.log import emit
from app.settings.values import Settings
from app.version import VERSION

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

CONNECT_SECONDS = 5.0
MAX_TEXT = 200
MAX_TOKEN = 8192
LONGEST_LIFE = 10 * 366 * 86_400.0  # seconds; a bound that keeps instants inside the calendar
MEMBER_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
ERROR_NAME = re.compile(r"[a-z_]{1,64}", re.ASCII)
LAST_WORDS = ("invalid_grant", "invalid_client")


class LinkedIn:
    """domain.authorization.Authorizer. Authlib and requests are loaded by the first call that needs them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def authorization_url(self, state: str, verifier: str) -> str:
        s = self._settings
        with self._session(scope=" ".join(s.linkedin_scopes)) as session:
            url, _ = session.create_authorization_url(
                s.linkedin_authorization_url, state=state, code_verifier=verifier if s.linkedin_pkce else None
            )
        return str(url)

    def exchange(self, code: str, verifier: str) -> Grant:
        """LinkedIn's web flow takes a challenge and then refuses the verifier as `invalid_client`, unless PKCE was
        enabled for the app; so a refusal by that name is asked again without. The code is still bound to our secret
        and our state."""
        if self._settings.linkedin_pkce:
            try:
                return self._exchange(code, code_verifier=verifier)
            except AuthorizationError as error:
                if error.code != "invalid_client":
                    raise
                emit("linkedin.verifier_refused", hint="LINKEDIN_PKCE=0 spares this try where the app has no PKCE")
        return self._exchange(code)

    def identify(self, access_token: str) -> Member:
        token = {"access_token": access_token, "token_type": "Bearer"}
        with self._session(token=token) as session, _told((access_token,)):
            body = session.get(self._settings.linkedin_userinfo_url, timeout=self._timeout()).json()
        sub, name = (body.get("sub"), body.get("name")) if isinstance(body, dict) else (None, None)
        if not isinstance(sub, str) or not MEMBER_ID.fullmatch(sub):
            raise AuthorizationError("broken_answer", "userinfo names no member: is the scope openid granted?")
        urn = f"urn:li:person:{sub}"
        shown = "".join(char for char in name if char.isprintable())[:255] if isinstance(name, str) else ""
        return Member(urn, shown.strip() or urn)

    def refresh(self, refresh_token: str, seconds: float | None = None) -> Grant:
        grant = self._ask(
            lambda session: session.refresh_token(
                self._settings.linkedin_token_url, refresh_token=refresh_token, timeout=self._timeout(seconds)
            ),
            refresh_token,
        )
        return grant

    def _exchange(self, code: str, **more: str) -> Grant:
        return self._ask(
            lambda session: session.fetch_token(
                self._settings.linkedin_token_url,
                grant_type="authorization_code",
                code=code,
                timeout=self._timeout(),
                **more,
            ),
            code,
            *more.values(),
        )

    def _ask(self, ask: Callable[[OAuth2Session], Any], *secrets: str) -> Grant:
        with self._session() as session, _told((*secrets, str(self._settings.linkedin_client_secret))):
            answer = ask(session)
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not _is_token(access) or not (refresh is None or _is_token(refresh)):
            raise AuthorizationError("broken_answer", "the token endpoint answered without a token")
        return Grant(
            access, refresh, _seconds(answer.get("expires_in")), _seconds(answer.get("refresh_token_expires_in"))
        )

    @contextmanager
    def _session(self, **more: Any) -> Iterator[OAuth2Session]:
        from authlib.integrations.requests_client import OAuth2Session

        from app.adapters.linkedin_transport import BoundedConnections

        s = self._settings
        session = OAuth2Session(
            s.linkedin_client_id,
            s.linkedin_client_secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106  (LinkedIn takes them in the body alone)
            redirect_uri=s.connect_callback_url,
            code_challenge_method="S256",
            **more,
        )
        session.trust_env = False  # no proxy and no .netrc has a say in where tokens go
        session.headers["User-Agent"] = f"Punctual/{VERSION}"
        for scheme in ("https://", "http://"):
            session.mount(scheme, BoundedConnections())
        with session:
            yield session

    def _timeout(self, seconds: float | None = None) -> tuple[float, float]:
        bound = min(seconds or self._settings.linkedin_timeout_seconds, self._settings.linkedin_timeout_seconds)
        return min(CONNECT_SECONDS, bound), bound


@contextmanager
def _told(secrets: tuple[str, ...]) -> Iterator[None]:
    """Whatever goes wrong inside is an AuthorizationError, in words without these secrets."""
    try:
        yield
    except AuthorizationError:
        raise
    except Exception as error:
        name = getattr(error, "error", None)  # an OAuth error, as RFC 6749, 5.2 has it
        if isinstance(name, str):
            code = _code(name, str(getattr(error, "description", "")))
            text = f"{name}: {getattr(error, 'description', '')}"
        elif isinstance(error, OSError) and not isinstance(error, ValueError):  # what requests raises for the network
            from app.adapters.n8n_connections import explain

            code, text = "unreachable", explain(error)
        else:
            code, text = "broken_answer", "the answer makes no sense"
        for secret in secrets:
            text = text.replace(secret, "***")
        raise AuthorizationError(code, text[:MAX_TEXT]) from None


def _code(name: str, description: str) -> str:
    if name == "invalid_request" and "revoked" in description.lower():
        return "invalid_grant"  # some of LinkedIn's answers about a refresh token use the broader name
    return name if name in LAST_WORDS and ERROR_NAME.fullmatch(name) else "refused"


def _is_token(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TOKEN and value.isascii() and value.isprintable()


def _seconds(value: object) -> float | None:
    """A lifetime, where there is a sane one; some servers send it as text."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < LONGEST_LIFE else None
