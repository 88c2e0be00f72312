"""Schemathesis sends generated requests to every documented operation, and compares each answer with the document.

The requests are the same in every run. `SPEC_EXAMPLES=200` sends more of them per operation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.openapi.checks import (
    AllowHeaderMismatch,
    UnsupportedMethodResponse,
)
from schemathesis.schemas import BaseSchema
from schemathesis.transport.wsgi import WSGITransport

from tests.web.conftest import MakeSite
from tests.web.documented import document
from tests.web.site import Site
from tests.web.spec_proofs import SigningApp, proofs

EXAMPLES = int(os.environ.get("SPEC_EXAMPLES", "2"))  # per operation, beyond those of the edges of each field
LINKEDIN = {"linkedin_client_id": "app", "linkedin_client_secret": "secret-of-the-linkedin-app"}
REFUSALS = ["400", "401", "403", "404", "405", "409", "411", "413", "415", "422", "429", "489"]
RULES = ["303", "401", "403", "404", "409", "422", "489"]  # of rules that JSON Schema cannot say: states, times, ids
CALLBACK = "/api/social-accounts/linkedin/callback"
CLOSED = ("/api/media/check", "/console/oidc/begin", "/console/oidc/callback")  # without their settings
MACHINES = ("/api/posts/dispatch", "/api/webhooks/")
WITHOUT_NETWORK = ("max_redirects", "verify", "cert", "proxies")


@pytest.fixture(autouse=True)
def _calls_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop options of network calls. Schemathesis passes them on to WSGI apps, where they are errors, in retries."""
    send = WSGITransport.send

    def send_without(self: WSGITransport, case: schemathesis.Case, **options: Any) -> Response:
        kept = {name: value for name, value in options.items() if name not in WITHOUT_NETWORK}
        return send(self, case, **kept)

    monkeypatch.setattr(WSGITransport, "send", send_without)


@pytest.fixture
def seeded(sqlite_url: str, make_site: MakeSite) -> Site:
    """Make a site where Alice has a company, a client, accounts, and posts of several states."""
    site = make_site(sqlite_url, **LINKEDIN)
    alice = site.user("alice")
    site.sent(alice)
    alice.draft(content="A draft")
    company = alice.company("Agency", bob="editor")
    alice.client_of(company)
    return site


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # a large request of many examples
@pytest.mark.parametrize("admin", [False, True], ids=["user", "admin"])
def test_generated_requests_get_documented_answers(seeded: Site, admin: bool):
    app = SigningApp(seeded)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=_config(seeded, admin))
    ignore_other_failures(schema, document(seeded.app)["paths"])
    assert list(failures(schema)) == []
    assert app.answered > (200 if admin else 1_000)


def _config(site: Site, admin: bool) -> SchemathesisConfig:
    page = {"positive_data_acceptance": {"expected-statuses": ["200", "400"]}}  # a browser's page says what failed
    closed = {
        "positive_data_acceptance": {"expected-statuses": ["422", "503"]},
        "not_a_server_error": {"enabled": False},
    }
    values = {
        "seed": 1,
        "auth": {"openapi": proofs(site, admin)},
        "cache": {"enabled": False},
        "checks": {
            "negative_data_rejection": {"expected-statuses": REFUSALS},
            "positive_data_acceptance": {"expected-statuses": ["2xx", *RULES]},
        },
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "no-shrink": True, "database": "none"},
        "operations": [
            {"include-path": CALLBACK, "checks": page},
            *({"include-path": path, "checks": closed} for path in CLOSED),
        ],
        "phases": {"coverage": {"enabled": not admin}},  # the edges of each field are the same for admins
        "suppress-health-check": ["all"],
    }
    return SchemathesisConfig.from_dict(values)


def ignore_other_failures(schema: BaseSchema, paths: dict[str, Any]) -> None:
    """Ignore failures that are none, and addresses that Schemathesis's WSGI client cannot send."""

    @schema.hook
    def filter_path_parameters(_context: Any, path_parameters: dict[str, Any] | None) -> bool:
        return not re.search("[?#]|%3F|%23", str(path_parameters))  # it takes what follows for a query or fragment

    @schema.hook
    def filter_failure(_context: Any, failure: Failure, case: schemathesis.Case, _response: Response) -> bool:
        if isinstance(failure, AcceptedNegativeData):  # no optional field of a machine's call refuses it
            return not case.operation.path.startswith(MACHINES)
        if isinstance(failure, AllowHeaderMismatch | UnsupportedMethodResponse):
            return not _has_two_templates(case.operation.path, paths)
        return True


def _has_two_templates(path: str, paths: dict[str, Any]) -> bool:
    """Return True if another template has this address too, as {post_id} has the address of /api/posts/recover."""
    return any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", other), path) for other in paths if other != path)


def failures(schema: BaseSchema) -> Iterator[str]:
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            yield f"{event.label}: {event.value!r}"
        assert not isinstance(event, events.FatalError | events.Interrupted), event
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                for check in checks:
                    if check.failure_info is not None:
                        failure = check.failure_info.failure
                        yield f"{event.label}: {check.name}: {failure.message}\n{check.failure_info.code_sample}"
