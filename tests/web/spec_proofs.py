"""Proofs of all callers for generated requests, and a WSGI app that signs what QStash would sign."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from tests.web.answers import SECRETS
from tests.web.site import BASE, Site, signature

SIGN = "sign-this-body"  # the generated Upstash-Signature that stands for a true one


def proofs(site: Site, admin: bool) -> dict[str, Any]:
    """Return Schemathesis's settings of the document's security schemes."""
    user = site.user("alice", admin=admin).headers["Authorization"].removeprefix("Bearer ")
    return {
        "user": {"bearer": user},
        "adminSecret": {"bearer": SECRETS["admin_secret_key"]},
        "cronSecret": {"bearer": SECRETS["cron_secret"]},
        "callbackSecret": {"bearer": SECRETS["n8n_callback_secret"]},
        "callbackHeader": {"api_key": SECRETS["n8n_callback_secret"]},
        "qstash": {"api_key": SIGN},
    }


class SigningApp:
    """The site's app behind QStash. Each request passes through the tests' client, which checks each answer."""

    def __init__(self, site: Site) -> None:
        self.site, self.answered = site, 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_UPSTASH_SIGNATURE") == SIGN:
            body = environ["wsgi.input"].read()
            environ["wsgi.input"] = io.BytesIO(body)
            environ["HTTP_UPSTASH_SIGNATURE"] = signature(BASE + environ["PATH_INFO"], body, self.site.clock.at)
            environ["HTTP_X_INTERNAL_SECRET"] = SECRETS["internal_api_secret"]
        answer = self.site.client.open(environ)
        self.answered += 1
        return answer(environ, start_response)
