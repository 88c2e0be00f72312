"""The log of answers: counts by status and code, and the answers that no caller may see."""

import json

import pytest
import requests

from tests.chaos.answers import AnswerLog, fault_of

PATH = "/api/posts"


def answer(status: int, code: str | None = None, text: str = "", **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = (json.dumps({"code": code, "detail": text}) if code else text).encode()
    if code:
        made.headers["Content-Type"] = "application/problem+json"
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.mark.parametrize(
    "allowed",
    [
        answer(200, text="{}"),
        answer(409, "in_flight"),
        answer(422, "schedule_in_past"),
        answer(503, "database_unavailable", Retry_After="5"),
    ],
)
def test_answer_of_the_contract_is_no_fault(allowed: requests.Response) -> None:
    assert fault_of(PATH, allowed) is None


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (answer(500, "internal_error"), "only 503"),
        (answer(502, text="Bad Gateway"), "only 503"),
        (answer(401, "unauthorized"), "the token is valid"),
        (answer(503, "database_unavailable"), "no Retry-After"),
        (answer(404, text="Not Found"), "no problem document"),
        (answer(503, "database_unavailable", "FATAL: sorry, too many clients", Retry_After="5"), "tells of internals"),
        (answer(200, text="could not extend file: No space left on device"), "tells of internals"),
    ],
)
def test_answer_that_no_caller_may_see_is_a_fault(shown: requests.Response, why: str) -> None:
    assert (fault_of(PATH, shown) or "").startswith(why)


def test_unready_monitor_is_no_fault() -> None:
    assert fault_of("/readyz", answer(503, text='{"status": "unready"}')) is None


def test_answers_are_counted_by_status_and_code() -> None:
    log = AnswerLog()
    for seen in (answer(200), answer(200), answer(503, "database_unavailable", Retry_After="5"), None):
        log.note("GET", PATH, seen)
    assert log.summary() == "200 ×2, 503 database_unavailable ×1, no answer ×1"
    assert log.faults == []
    log.note("POST", PATH, answer(500, "internal_error"))
    assert log.faults == ["POST /api/posts: 500 internal_error: only 503 may say that the database is away"]
