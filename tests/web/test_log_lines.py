"""A line of the log stays one visible line, whatever its fields hold, and names its request."""

import json
import logging
import threading
import unicodedata
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import make_server

from app.adapters.threads import run_many
from app.log import JsonLines, hide_queries, hide_query, request_id
from tests.web.site import HOUR, NOW, Site, User, json_of

HIDDEN = {
    "new line": "\n",
    "return": "\r",
    "NUL": "\0",
    "escape": "\x1b",
    "bell": "\a",
    "backspace": "\b",
    "tab": "\t",
    "vertical tab": "\v",
    "form feed": "\f",
    "delete": "\x7f",
    "C1 next line": "\x85",
    "C1 CSI": "\x9b",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "left-to-right mark": "\u200e",
    "right-to-left mark": "\u200f",
    "arabic letter mark": "\u061c",
    "right-to-left override": "\u202e",
    "embedding": "\u202a",
    "isolate": "\u2066",
    "end of isolate": "\u2069",
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\xad",
    "tag": "\U000e0041",
    "interlinear": "\ufff9",
    "surrogate": "\ud800",
    "file separator": "\x1c",
    "unit separator": "\x1f",
}


def line_of(text: str, **more: Any) -> str:
    record = logging.LogRecord("punctual", logging.INFO, "", 0, "report", (), None)
    record.fields = {"error": text, **more}
    return JsonLines().format(record)


@pytest.mark.parametrize("char", HIDDEN.values(), ids=HIDDEN)
def test_hidden_character_is_escaped_and_the_value_survives(char: str):
    forged = f'a{char}{{"at":"now","event":"forged"}}{char}'
    line = line_of(forged)
    assert char not in line
    assert len(line.splitlines()) == 1
    assert json.loads(line)["error"] == forged
    line.encode()


def test_visible_text_of_any_script_stays_readable():
    for text in ("Grüße", "日本語", "עברית", "हिन्दी", "👍🏽", "a b"):
        assert text in line_of(text)


@given(st.text(st.characters()))
def test_any_text_is_one_line_of_visible_characters(text: str):
    line = line_of(text, **{"a" + text: text})
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert json.loads(line)["error"] == text


def test_stack_trace_is_escaped_too():
    record = logging.LogRecord("punctual", logging.ERROR, "", 0, "request.failed", (), None)
    try:
        raise ValueError("x\u2028\x1b[31m")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    line = JsonLines().format(record)
    assert line.isprintable()
    assert "x\u2028\x1b[31m" in json.loads(line)["exception"]


def test_request_id_is_in_every_line_of_a_request_and_in_none_outside(site: Site, alice: User):
    site.log.clear()
    post = alice.scheduled()
    first = {json.loads(line).get("request_id") for line in site.log}
    assert None not in first
    site.log.clear()
    site.clock.at = NOW + HOUR
    answer = site.signed(
        "/api/posts/dispatch",
        json.dumps({"postId": post["id"], "userId": "alice", "generation": post["generation"]}).encode(),
        {"X-Request-ID": "the-delivery"},
    )
    assert json_of(answer)["status"] == "dispatched"
    lines = [json.loads(line) for line in site.log]
    assert {line["event"] for line in lines} >= {"post.settled", "post.dispatch"}
    assert {line["request_id"] for line in lines} == {"the-delivery"} == {answer.headers["X-Request-ID"]}
    assert request_id.get() is None


def test_request_id_reaches_the_threads_of_a_request():
    token = request_id.set("one")
    try:
        both = threading.Barrier(2, timeout=30)

        def work(_: int) -> str | None:
            both.wait()
            return request_id.get()

        assert run_many(work, [1, 2], 2) == ["one", "one"]
    finally:
        request_id.reset(token)


def test_foreign_request_id_cannot_begin_a_line(small_site: Site):
    small_site.log.clear()
    small_site.anonymous.get("/api/posts", headers={"X-Request-ID": 'x", "event": "forged'})
    [line] = [json.loads(line) for line in small_site.log]
    assert line["event"] == "auth.refused"
    assert len(line["request_id"]) == 32


def test_access_line_of_a_server_hides_the_query(small_site: Site, caplog: pytest.LogCaptureFixture):
    hide_queries()  # as `configure` does
    server = make_server("127.0.0.1", 0, small_site.app)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with caplog.at_level(logging.INFO, "werkzeug"):
        url = f"http://127.0.0.1:{server.server_port}/api/webhooks/claim?token=of-one-attempt&x=y"
        requests.post(url, timeout=10)
        thread.join(10)
    server.server_close()
    [line] = [record.getMessage() for record in caplog.records if "POST" in record.getMessage()]
    assert "/api/webhooks/claim?…" in line
    assert "of-one-attempt" not in line


def test_access_line_with_gunicorns_atoms_hides_the_query():
    atoms = {"r": "POST /api/webhooks/claim?token=secret HTTP/1.1", "s": "200", "f": "https://a.example/?code=secret"}
    record = logging.LogRecord("gunicorn.access", logging.INFO, "", 0, '"%(r)s" %(s)s "%(f)s"', (atoms,), None)
    assert hide_query(record)
    assert record.getMessage() == '"POST /api/webhooks/claim?… HTTP/1.1" 200 "https://a.example/?…"'
