"""A running app, observed: its log answers the operator's questions, and observers get no token and no content."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from app.local.stop_signal import StopSignal
from tests.adapters.servers import HttpServer, http_server, ok
from tests.local.support import wait_for
from tests.support.app_stack import AppStack, StackOptions
from tests.support.databases import SQLiteDatabases

TIMEOUT_SECONDS = 60.0
TOKEN, CONTENT, PERSON = "access-token-of-ann-5d1f7c", "What Ann wants to say", "ann-the-author"
SPANS = {"POST /api/posts", "GET /api/posts/<post_id>", "GET /api/posts/recover", "send to n8n", "publish to QStash"}
FAILED, UNSCHEDULED, REFUSED = "the-request-that-failed", "the-unscheduling", "the-refused-request"


@dataclass
class Observed:
    """What a running app has written and sent."""

    text: str
    n8n: HttpServer
    collector: HttpServer
    sentry: HttpServer
    ids: dict[str, str]
    due: datetime

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the lines of the log with these fields, as `jq 'select(…)'` does."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]


class Ann:
    """One user of the running app."""

    def __init__(self, stack: AppStack) -> None:
        self.stack, self.headers = stack, {"Authorization": f"Bearer {stack.token(PERSON)}"}
        account = {"platform": "linkedin", "personUrn": "urn:li:person:1", "accountName": "Ann", "accessToken": TOKEN}
        self.call("POST", "/api/social-accounts", account)

    def call(self, method: str, path: str, body: Any = None, request_id: str = "") -> requests.Response:
        headers = self.headers | ({"X-Request-ID": request_id} if request_id else {})
        return requests.request(method, self.stack.url + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS)

    def scheduled(self, at: datetime) -> str:
        body = {"content": CONTENT, "platform": "linkedin", "scheduledAt": at.isoformat()}
        answer = self.call("POST", "/api/posts", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, sqlite_databases: SQLiteDatabases) -> Iterator[Observed]:
    state: Path = tmp_path_factory.mktemp("observed")
    url = sqlite_databases.migrated(state)
    with http_server() as n8n, http_server() as collector, http_server() as sentry:
        n8n.answer = collector.answer = sentry.answer = ok
        overrides = {
            "N8N_WEBHOOK_URL": f"{n8n.url}/webhook/publish",
            "SENTRY_DSN": sentry.url.replace("http://", "http://public-key@") + "/1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "SWEEP_GRACE_SECONDS": "0.2",
        }
        stack = AppStack(state, StackOptions(url, workers=1, threads=8, overrides=overrides), StopSignal())
        stack.start("app")  # without QStash: no alarm can be set
        try:
            ids, due = _live(stack, url)
            wait_for("the observers", lambda: bool(sentry.seen) and _names(collector) >= SPANS)
        finally:
            stack.close()
        yield Observed((state / "logs" / "app.log").read_text(), n8n, collector, sentry, ids, due)


def _live(stack: AppStack, url: str) -> tuple[dict[str, str], datetime]:
    """Do what the questions are about. Return the ids of the posts, and the instant of the late one."""
    ann, day = Ann(stack), datetime.now(UTC) + timedelta(days=1)
    due = datetime.now(UTC) + timedelta(seconds=1)
    ids = {"late": ann.scheduled(due), "unscheduled": ann.scheduled(day), "bulk": ann.scheduled(day)}
    ids["broken"] = ann.call("POST", "/api/posts", {"content": CONTENT, "platform": "linkedin"}).json()["id"]
    ann.call("POST", f"/api/posts/{ids['unscheduled']}/unschedule", {}, UNSCHEDULED)
    ann.call("POST", "/api/posts/bulk", {"operations": [{"op": "unschedule", "postId": ids["bulk"]}]})
    ann.call("PATCH", f"/api/posts/{ids['broken']}", {"content": ["no text"]}, REFUSED)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE posts SET media = 'no JSON' WHERE id = ?", (ids["broken"].replace("-", ""),))
    assert ann.call("GET", f"/api/posts/{ids['broken']}", request_id=FAILED).status_code == 500
    cron = {"Authorization": f"Bearer {stack.settings['CRON_SECRET']}"}

    def swept() -> bool:
        answer = requests.get(f"{stack.url}/api/posts/recover", headers=cron, timeout=TIMEOUT_SECONDS)
        return bool(answer.json()["recovered"])

    wait_for("the sweep of the late post", swept)
    return ids, due


def test_the_log_says_why_a_post_was_late(observed: Observed):
    of_post = observed.lines(post_id=observed.ids["late"])
    first = {line["event"]: line for line in reversed(of_post)}
    story = ["post.created", "post.not_armed", "post.scheduled", "post.settled", "post.dispatch"]
    assert sorted(first, key=lambda event: of_post.index(first[event])) == story
    not_armed, settled, dispatched = (first[event] for event in ("post.not_armed", *story[3:]))
    assert (not_armed["level"], not_armed["code"]) == ("warning", "unreachable")
    assert settled["late_ms"] >= 200
    assert settled["user_id"] == PERSON
    sent_at = observed.due + timedelta(milliseconds=settled["late_ms"])
    assert abs(sent_at - datetime.fromisoformat(settled["at"])) < timedelta(seconds=5)
    assert (dispatched["trigger"], dispatched["status"]) == ("sweep", "dispatched")


def test_the_log_says_who_unscheduled_a_post(observed: Observed):
    [line] = observed.lines(event="post.unscheduled", post_id=observed.ids["unscheduled"])
    assert (line["by"], line["request_id"]) == (PERSON, UNSCHEDULED)
    [of_bulk] = [line for line in observed.lines(event="posts.changed") if observed.ids["bulk"] in str(line)]
    assert of_bulk["by"] == PERSON
    assert of_bulk["posts"] == {"draft": [observed.ids["bulk"]]}


def test_the_log_says_which_request_failed_and_how(observed: Observed):
    trace, request = observed.lines(request_id=FAILED)
    assert (trace["event"], trace["level"], trace["by"]) == ("request.failed", "error", PERSON)
    assert "Traceback" in trace["exception"]
    assert (request["method"], request["status"], request["code"]) == ("GET", 500, "internal_error")
    assert request["path"] == f"/api/posts/{observed.ids['broken']}"
    assert request["duration_ms"] > 0
    [refused] = observed.lines(event="request", request_id=REFUSED)
    assert (refused["status"], refused["code"], refused["by"]) == (422, "invalid_fields", PERSON)


def test_every_line_is_one_event_in_json_also_the_servers(observed: Observed):
    lines = observed.lines()
    assert all({"at", "level", "event"} <= set(line) for line in lines)
    assert {"server"} < {line["event"] for line in lines}
    assert any("Listening" in line["message"] for line in observed.lines(event="server"))
    assert {line["level"] for line in lines} <= {"info", "warning", "error"}
    assert TOKEN not in observed.text
    assert CONTENT not in observed.text


def _spans(collector: HttpServer) -> list[Any]:
    found = []
    for seen in list(collector.seen):
        request = ExportTraceServiceRequest.FromString(_unzipped(seen.body))
        found += [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
    return found


def _names(collector: HttpServer) -> set[str]:
    return {span.name for span in _spans(collector)}


def _unzipped(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def test_traces_have_routes_and_ids_and_no_token_or_content(observed: Observed):
    spans = _spans(observed.collector)
    [send] = [span for span in spans if span.name == "send to n8n"]
    attributes = {each.key: each.value.string_value or each.value.int_value for each in send.attributes}
    assert attributes["punctual.post_id"] == observed.ids["late"]
    assert attributes["http.response.status_code"] == 200
    armed = [span.status.code for span in spans if span.name == "publish to QStash"]
    assert set(armed) == {Status.STATUS_CODE_ERROR}  # there is no QStash
    assert all(seen.path == "/v1/traces" for seen in observed.collector.seen)
    _check_masked(b"".join(_unzipped(seen.body) for seen in observed.collector.seen))


def test_errors_have_code_lines_and_ids_and_no_token_or_content(observed: Observed):
    assert re.fullmatch(r"/api/1/envelope/", observed.sentry.seen[0].path)
    bodies = [_unzipped(seen.body) for seen in observed.sentry.seen]
    events = [json.loads(line) for body in bodies for line in body.splitlines() if b'"exception"' in line]
    [event] = [one for one in events if one["message"] == "request.failed"]
    assert event["tags"]["request_id"] == FAILED
    [exception] = event["exception"]["values"][-1:]
    assert (exception["type"], exception["value"]) == ("JSONDecodeError", "")
    frames = exception["stacktrace"]["frames"]
    assert frames
    assert not any({"vars", "context_line", "pre_context"} & set(frame) for frame in frames)
    assert set(event) <= {*event, "exception"} - {"user", "request", "breadcrumbs", "contexts", "extra", "modules"}
    _check_masked(b"".join(bodies))


def _check_masked(sent: bytes) -> None:
    assert sent
    for secret in (TOKEN, CONTENT, PERSON, "no JSON", "urn:li:person"):
        assert secret.encode() not in sent
