"""The doctor's test message through QStash, with the stand-in of the local stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.adapters.servers import Seen
from tests.contract.support import TOKEN, StandIn
from tests.doctor.installation import (
    Outside,
    as_json,
    doctor,
    installed,
    listening,
    not_ok,
    swept,
)
from tests.web.site import Site


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    started = StandIn(tmp_path_factory.mktemp("qstash") / "messages.sqlite")
    yield started
    started.close()


@contextmanager
def over_stand_in(database_url: str, outside: Outside, stand_in: StandIn, **changes: Any) -> Iterator[Site]:
    keys = stand_in.api.sdk.signing_key.get()
    given: dict[str, Any] = {
        "qstash_url": stand_in.api.url,
        "qstash_token": TOKEN,
        "qstash_current_signing_key": keys.current,
    }
    given |= {"qstash_next_signing_key": keys.next, "qstash_retries": 0}
    with installed(database_url, outside, **(given | changes)) as site:
        from app.adapters.clock import SystemClock

        site.clock.now = SystemClock().now  # type: ignore[method-assign]  # the signature has true instants
        site.clock.sleep_until = SystemClock().sleep_until  # type: ignore[method-assign]
        yield site


def test_deep_without_qstash_is_a_warning(sqlite_url: str, outside: Outside):
    keys: dict[str, Any] = dict.fromkeys(("qstash_token", "qstash_current_signing_key", "qstash_next_signing_key"))
    with installed(sqlite_url, outside, **keys) as site:
        lines, _ = doctor(swept(site), "--deep")
    assert lines[-1][:2] == ("WARN", "delivery")


def test_deep_sends_a_test_message_through_qstash(database_url: str, outside: Outside, stand_in: StandIn):
    with over_stand_in(database_url, outside, stand_in) as site:
        lines, status = doctor(swept(site), "--deep")
        assert site.rows("SELECT * FROM posts") == []
    assert not_ok(lines) == []
    assert lines[-1] == ("OK", "delivery", "a signed test message came through QStash")
    assert status == 0


def test_deep_reports_a_refused_delivery(sqlite_url: str, outside: Outside, stand_in: StandIn):
    served = {"internal_api_secret": "the-secret-from-before"}
    with over_stand_in(sqlite_url, outside, stand_in, served=served) as site:
        lines, status = doctor(swept(site), "--deep")
    assert status == 1
    assert lines[-1][:2] == ("FAIL", "delivery")
    assert "answered 401" in lines[-1][2]
    assert "INTERNAL_API_SECRET" in lines[-1][2]


def test_deep_reports_an_address_that_does_not_answer(sqlite_url: str, outside: Outside, stand_in: StandIn):
    with listening() as closed:
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with over_stand_in(sqlite_url, outside, stand_in, public_base_url=base) as site:
        lines, _ = doctor(swept(site), "--deep")
    assert lines[-1][:2] == ("FAIL", "delivery")
    assert "was not reached" in lines[-1][2]


def test_deep_ends_within_its_bound_without_a_delivery(sqlite_url: str, outside: Outside):
    events = 0

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        nonlocal events
        if seen.path.startswith("/v2/events"):
            events += 1
            return as_json({"events": []})
        return as_json({"messageId": "msg_1"}) if seen.method == "POST" else outside.answer(seen)

    outside.server.answer = answer
    with installed(sqlite_url, outside) as site:  # the clock goes on at each sleep
        lines, _ = doctor(site, "--deep")
    assert lines[-1][:2] == ("FAIL", "delivery")
    assert "within 30 s" in lines[-1][2]
    assert events == 61
    assert [seen.path for seen in outside.server.seen if seen.method == "DELETE"] == ["/v2/messages/msg_1"]
