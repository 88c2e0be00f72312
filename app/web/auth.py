"""Authenticate callers: users by JWT or personal key, machines by a secret or QStash's signature.

Invariant: secrets are compared in constant time, and no byte of a body is read before its caller's proof.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, g, request
from werkzeug.wrappers import Response

from app.alerts import RefusedCalls
from app.api_keys import verify_key
from app.deps import Deps, Services
from app.domain import api_keys
from app.domain.alerts import DELIVERIES_REFUSED
from app.domain.errors import NotConfigured
from app.domain.principal import Principal
from app.domain.sessions import COOKIE
from app.domain.turns import rest
from app.domain.verifiers import BadSignature, BadToken, KeysUnavailable
from app.log import caller, emit
from app.web.addresses import logged_path
from app.web.blueprint import check_query
from app.web.bodies import whole_body
from app.web.console.proof import user_of_session
from app.web.failed_proofs import failed_proofs
from app.web.limits import refuse_user
from app.web.problems import RETRY_AFTER_SECONDS, problem
from app.web.turnstile import turnstile

WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
REFUSED_CALLS = "punctual_refused_calls"  # the key of the app's RefusedCalls among its extensions
PROOF_CURE = "Send a valid, unexpired token as Authorization: Bearer <JWT>, or a personal key that has not ended."

View = TypeVar("View", bound=Callable[..., Any])


def services() -> Services:
    return cast(Services, current_app.extensions["punctual"])


def deps() -> Deps:
    return services().deps


def principal() -> Principal:
    return cast(Principal, g.principal)


def user_id() -> str:
    return principal().user_id


def is_admin() -> bool:
    return principal().admin


def user_required(view: View) -> View:
    """Require a user's JWT, or a personal key with the route's scope, and a query of known parameters.

    The view gets the user from `user_id()`.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        refused = check_user() or refuse_user()
        if refused is None:
            api_keys.require_route(principal(), request.method, str(request.url_rule))
            check_query()
        return refused or view(*args, **kwargs)

    return cast(View, checked)


def check_user() -> Response | None:
    """Verify the user's token or personal key and store the user in `g.principal`.

    Returns None if it is valid, else the error answer.

    Raises: NotConfigured when no way of verifying tokens is configured, Unavailable.
    """
    settings = deps().settings
    if settings.auth_jwt_secret is None and settings.auth_jwks_url is None:
        raise not_configured("AUTH_JWT_SECRET or AUTH_JWKS_URL")
    try:
        g.principal = _proven_user()
    except BadToken as error:
        reason, forged = error.reason, error.is_forged
        limited = failed_proofs().refusal(
            lambda: emit("auth.refused", reason=reason, path=logged_path()), forged=forged
        )
        return limited or unauthorized(PROOF_CURE)
    except KeysUnavailable as error:
        emit("auth.keys_unavailable", reason=error.reason)
        return problem(
            503, "auth_unavailable", "Tokens cannot be checked now. Try again.", Retry_After=RETRY_AFTER_SECONDS
        )
    _enter(user_id())
    return None


def _proven_user() -> Principal:
    """Return the user of the token, the personal key, or the console's session where no other proof is sent.

    Raises: BadToken, KeysUnavailable, UnsupportedMediaType.
    """
    if "Authorization" not in request.headers and COOKIE in request.cookies:
        return user_of_session(deps())
    token = bearer()
    if api_keys.is_api_key(token):
        return verify_key(deps(), str(token))
    return services().users.verify(token)


def _enter(user: str) -> None:
    """Let a proven user's request work, once its body is here.

    Raises: TooBusy, and the errors of `whole_body`.
    """
    caller.set(user)
    turnstile().admit_user(user)
    rest()
    body = whole_body() if request.method in WITH_BODY else b""
    turnstile().give_user_turn(user, len(body))


def admin_required(view: View) -> View:
    """Require an admin's JWT, or the admin secret for automation."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        refused = None if fits("admin_secret_key", bearer()) else _check_admin() or refuse_user()
        if refused is None:
            check_query()
        return refused or view(*args, **kwargs)

    return cast(View, checked)


def _check_admin() -> Response | None:
    refused = check_user()
    if refused is None and not is_admin():
        refused = problem(403, "admin_required", "This needs a token with role: admin.")
    return refused


def secret_required(setting: str, kind: str) -> Callable[[View], View]:
    """Require the secret of this setting as bearer. While it is unset, the route answers 503.

    `kind` is the alert of refused calls.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if getattr(deps().settings, setting) is None:
                raise not_configured(setting.upper())
            if not fits(setting, bearer()):
                return refuse_machine(
                    kind,
                    "The secret is missing or wrong.",
                    lambda: emit("secret.refused", setting=setting.upper(), path=logged_path()),
                )
            try:
                return view(*args, **kwargs)
            finally:
                accept_machine(kind)

        return cast(View, checked)

    return decorate


def check_delivery(url: str, kind: str = DELIVERIES_REFUSED) -> Response | None:
    """Verify QStash's signature for this `url`, then the request's body. Keep the signature's instant in `g.signed_at`.

    Where INTERNAL_API_SECRET is set, every call of QStash must carry it as well. It is checked before the body is read.
    `kind` is the alert of refused calls. Returns None if the call is valid, else the error answer.

    Raises: NotConfigured when the signing key or the public URL is unset.
    """
    settings = deps().settings
    if settings.qstash_current_signing_key is None:
        raise not_configured("QSTASH_CURRENT_SIGNING_KEY")
    if settings.public_base_url is None:
        raise not_configured("PUBLIC_BASE_URL")
    token = request.headers.get("Upstash-Signature")
    try:
        signed = services().deliveries.verify(token, url, deps().clock.now())
        given = request.headers.get("X-Internal-Secret")
        if settings.internal_api_secret is not None and not fits("internal_api_secret", given):
            reason = "X-Internal-Secret is missing or wrong"
            return _refuse_delivery(kind, "The internal secret is missing or wrong.", reason)
        rest()  # for a slow body. `Turnstile.give_delivery_turn` takes the next turn
        if not signed.covers(whole_body()):
            raise BadSignature("the body is not the one that was signed")
    except BadSignature as error:
        return _refuse_delivery(kind, "The signature does not verify.", error.reason)
    g.signed_at = signed.signed_at
    return None


def _refuse_delivery(kind: str, detail: str, reason: str) -> Response:
    return refuse_machine(kind, detail, lambda: emit("delivery.refused", reason=reason, path=logged_path()))


def refuse_machine(kind: str, detail: str, log: Callable[[], None]) -> Response:
    """Raise the alert of a refused call by a machine, log the call, and build the answer."""
    refused_calls().refused(kind)
    return failed_proofs().refusal(log, forged=True) or unauthorized(detail)


def accept_machine(kind: str) -> None:
    """Clear the alert of refused calls of this kind."""
    refused_calls().accepted(kind)


def refused_calls() -> RefusedCalls:
    return cast(RefusedCalls, current_app.extensions[REFUSED_CALLS])


def bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def fits(setting: str, given: str | None) -> bool:
    """Return True if `given` is this setting's secret, or its former value. While the setting is unset, none fits."""
    settings = deps().settings
    secret = getattr(settings, setting)
    former = getattr(settings, f"{setting}_previous") if secret is not None else None
    return is_secret(given, secret) | is_secret(given, former)


def is_secret(given: str | None, secret: str | None) -> bool:
    if given is None or secret is None:
        return False
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def not_configured(setting: str) -> NotConfigured:
    """Log the missing setting and build the error for the caller, without the setting's name."""
    emit("not_configured", setting=setting, path=logged_path())
    return NotConfigured("not_configured", "This route is closed until the installation is configured for it.")


def unauthorized(detail: str) -> Response:
    return problem(401, "unauthorized", detail, WWW_Authenticate="Bearer")
