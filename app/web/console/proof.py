"""Prove a user by the console's session.

Invariant: the cookie counts only in a request of a page of this origin, so no other site can act for its user.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from app.deps import Deps
from app.domain.principal import Principal
from app.domain.sessions import COOKIE, SESSION_LABEL, read_session, session_key
from app.domain.verifiers import BadToken
from app.settings.values import Settings
from app.web.bodies import has_foreign_body


def key_of(settings: Settings, label: str = SESSION_LABEL) -> bytes | None:
    """Return the key of sessions, or of cookies with this label. None where no setting has a secret for it.

    Users' tokens of AUTH_JWKS_URL are signed elsewhere, so the first encryption key serves there.
    """
    secrets = (settings.auth_jwt_secret, *settings.token_encryption_keys[:1])
    secret = next(filter(None, secrets), None)
    scope = (settings.auth_issuer, settings.auth_audience, settings.public_base_url)
    return session_key(secret, scope, label) if secret is not None else None


def user_of_session(deps: Deps) -> Principal:
    """Return the user of the request's session.

    Raises: BadToken, also for a request of another origin. UnsupportedMediaType for a body that forms can send.
    """
    key, cookie = key_of(deps.settings), request.cookies.get(COOKIE)
    if key is None or not cookie:
        raise BadToken("there is no session", is_forged=False)
    if not is_same_origin(deps.settings):
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        raise BadToken(f"the session came from another origin: {site or origin}"[:200], is_forged=False)
    session = read_session(cookie, key)
    if session is None:
        raise BadToken("the session is not signed by this installation")
    if session.expires_at <= deps.clock.now():
        raise BadToken("the session has ended", is_forged=False)
    if has_foreign_body():
        raise UnsupportedMediaType
    return Principal(session.user_id, session.admin, expires_at=session.expires_at)


def is_same_origin(settings: Settings) -> bool:
    """Return True if the browser says that a page of this origin made the request.

    Every browser since 2023 sends Sec-Fetch-Site. The others send Origin, except with GET.
    """
    site = request.headers.get("Sec-Fetch-Site")
    return site == "same-origin" if site is not None else request.headers.get("Origin") in _own_origins(settings)


def is_of_another_origin(settings: Settings) -> bool:
    """Return True if a browser says so. A program says nothing."""
    said = request.headers.get("Sec-Fetch-Site") or request.headers.get("Origin")
    return said is not None and not is_same_origin(settings)


def _own_origins(settings: Settings) -> list[str]:
    """Return this app's origins. No page can choose the Host of its requests, and behind a proxy it may be another."""
    host, public = request.headers.get("Host", ""), urlsplit(settings.public_base_url or "")
    origins = [f"https://{host}", f"{public.scheme}://{public.netloc}"]
    return origins + [f"http://{host}"] * settings.local
