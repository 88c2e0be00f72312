"""Prove n8n's calls: by the shared secret, or by the token in the callback address of one attempt.

Invariant: the proof comes before the body. A token proves its own post and attempt, and no other one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from app.domain.alerts import REPORTS_REFUSED
from app.domain.callback_tokens import CallbackToken, read_callback_token
from app.domain.errors import Forbidden
from app.log import emit
from app.web.addresses import logged_path
from app.web.auth import accept_machine, bearer, deps, fits, not_configured, refuse_machine, refused_calls

SETTING = "n8n_callback_secret"
HEADER = "X-Callback-Secret"
OTHER_ATTEMPT = "The token in this address belongs to another attempt. Call the callbackUrl or claimUrl of this one."


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of one call. `token` is None without one that verifies and is not expired."""

    by_secret: bool
    token: CallbackToken | None

    def attempt_of(self, post_id: str, attempt: int | None) -> int | None:
        """Return the attempt of a call about this post: the named one, or else that of the token.

        Raises: Forbidden when the token alone proves the call, and belongs to another post or attempt.
        """
        token = self.token
        is_its_own = token is not None and token.post_id == post_id and attempt in (None, token.attempt)
        if not is_its_own and not self.by_secret:
            emit("secret.refused", setting="CALLBACK_TOKEN", path=logged_path())
            raise Forbidden("callback_token_mismatch", OTHER_ATTEMPT)
        return token.attempt if is_its_own and token is not None else attempt


def proof_required(view: Callable[[Proof], Response]) -> Callable[[], Response]:
    """Require a proof of n8n and pass it to the view. Without N8N_CALLBACK_SECRET, the route answers 503."""

    @wraps(view)
    def checked() -> Response:
        if deps().settings.n8n_callback_secret is None:
            raise not_configured(SETTING.upper())
        proof, expired = _read_proof()
        if proof is None:
            setting = "CALLBACK_TOKEN" if expired else SETTING.upper()
            log = partial(emit, "secret.refused", setting=setting, path=logged_path())
            return refuse_machine(REPORTS_REFUSED, _refusal(expired), log)
        kept = True
        try:
            return view(proof)
        except Forbidden:
            kept = False
            raise
        finally:
            (accept_machine if kept else refused_calls().refused)(REPORTS_REFUSED)

    return checked


def _read_proof() -> tuple[Proof | None, bool]:
    """Return the proof of this call and False, or None and whether its token has expired."""
    settings = deps().settings
    given: list[Any] = [bearer(), request.headers.get(HEADER)]
    by_secret = settings.callback_shared_secret_allowed and any(fits(SETTING, value) for value in given)
    tokens = request.args.getlist("token")
    secrets = (settings.n8n_callback_secret, settings.n8n_callback_secret_previous)
    token = read_callback_token(tokens[0], secrets) if len(tokens) == 1 else None
    expired = token is not None and token.expires_at <= deps().clock.now()
    token = None if expired else token
    return (Proof(by_secret, token), False) if by_secret or token is not None else (None, expired)


def _refusal(expired: bool) -> str:
    if expired:
        return "The token in this address has expired. Send N8N_CALLBACK_SECRET with the report."
    if deps().settings.callback_shared_secret_allowed:
        return "The secret is missing or wrong, and the address has no valid token."
    return "The address has no valid token. Call the callbackUrl or claimUrl of the attempt unchanged."
