"""The turnstile: how many requests work at once, whose, and that no other wait keeps a due delivery from its thread."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.alarms import lead_seconds
from app.domain.turns import NoTurn, Turns, leave
from app.web.turnstile import HEAVY_BYTES, MACHINES, MAX_HERE, OF_USER, SOON_SECONDS, TURNSTILE, USERS, Turnstile
from tests.support.threads import wait_until
from tests.web.answers import SECRETS
from tests.web.site import HOUR, NOW, Site, json_of, refused

TIMEOUT_SECONDS = 30.0


@pytest.fixture
def turnstile(small_site: Site) -> Turnstile:
    made: Turnstile = small_site.app.extensions[TURNSTILE]
    return made


@pytest.fixture
def taken() -> Iterator[Callable[[Turns, int], None]]:
    """Take turns as other requests would, until the test ends."""
    with ExitStack() as held:

        def take(turns: Turns, count: int) -> None:
            for number in range(count):
                turns.take(f"other {number}")
                held.callback(turns.release, f"other {number}")

        yield take


def in_thread(work: Callable[[], TestResponse]) -> tuple[threading.Thread, list[TestResponse]]:
    answers: list[TestResponse] = []
    thread = threading.Thread(target=lambda: answers.append(work()), daemon=True)
    thread.start()
    return thread, answers


def test_deliveries_reports_and_probes_need_no_turn_of_users(
    small_site: Site, turnstile: Turnstile, taken: Callable[[Turns, int], None]
):
    post = small_site.user("alice").scheduled()
    taken(turnstile._users, USERS)
    small_site.clock.at = NOW + HOUR
    assert json_of(small_site.deliver(post)) == {"status": "dispatched"}
    report = {"postId": post["id"], "status": "published", "attempt": 1}
    assert json_of(small_site.n8n.post("/api/webhooks/publish-status", json=report))["applied"]
    assert small_site.client.get("/healthz").status_code == 200


def test_user_waits_for_a_turn_and_gets_it(small_site: Site, turnstile: Turnstile):
    alice = small_site.user("alice")
    for number in range(USERS):
        turnstile._users.take(f"other {number}")
    thread, answers = in_thread(lambda: alice.get("/api/posts"))
    wait_until(lambda: turnstile._users.waiting == 1)
    assert not answers
    for number in range(USERS):
        turnstile._users.release(f"other {number}")
    thread.join(TIMEOUT_SECONDS)
    assert answers[0].status_code == 200
    assert (turnstile._users.taken, turnstile._users.waiting) == (0, 0)


def test_user_at_the_bound_waits_while_another_user_works(small_site: Site, turnstile: Turnstile):
    alice, bob = small_site.user("alice"), small_site.user("bob")
    for _ in range(OF_USER):
        turnstile._users.take("user:alice")
    thread, answers = in_thread(lambda: alice.get("/api/posts"))
    wait_until(lambda: turnstile._users.waiting == 1)
    assert bob.get("/api/posts").status_code == 200
    assert not answers
    turnstile._users.release("user:alice")
    thread.join(TIMEOUT_SECONDS)
    assert answers[0].status_code == 200
    turnstile._users.release("user:alice")


def test_heavy_bodies_come_one_by_one_and_light_ones_pass_them(
    small_site: Site, turnstile: Turnstile, taken: Callable[[Turns, int], None]
):
    alice = small_site.user("alice")
    turnstile._heavy.take("other")
    thread, answers = in_thread(lambda: alice.post("/api/posts", json={"content": "x" * HEAVY_BYTES}))
    wait_until(lambda: turnstile._heavy.waiting == 1)
    json_of(alice.post("/api/posts", json={"content": "x"}), 201)
    assert not answers
    turnstile._heavy.release("other")
    thread.join(TIMEOUT_SECONDS)
    json_of(answers[0], 201)
    assert turnstile._heavy.taken == 0


@pytest.mark.parametrize("text", ["x", "x" * HEAVY_BYTES], ids=["light", "heavy"])
def test_request_of_a_user_waits_until_no_delivery_is_due(small_site: Site, monkeypatch: pytest.MonkeyPatch, text: str):
    busy = [True] * 3
    gate = small_site.services.deps.gate
    monkeypatch.setattr(gate, "is_busy", lambda _deps: bool(busy) and busy.pop())
    json_of(small_site.user("alice").post("/api/posts", json={"content": text}), 201)
    assert not busy


@pytest.mark.parametrize("text", ["x", "x" * HEAVY_BYTES], ids=["light", "heavy"])
def test_request_of_a_user_waits_for_a_steady_flow_of_deliveries_only_so_long(
    small_site: Site, monkeypatch: pytest.MonkeyPatch, text: str
):
    monkeypatch.setattr(small_site.services.deps.gate, "is_busy", lambda _deps: True)
    json_of(small_site.user("alice").post("/api/posts", json={"content": text}), 201)


def test_delivery_goes_on_beside_a_steady_flow_of_others(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    post = small_site.user("alice").scheduled()
    monkeypatch.setattr(small_site.services.deps.gate, "is_busy", lambda _deps: True)
    small_site.clock.at = NOW + HOUR
    assert json_of(small_site.deliver(post)) == {"status": "dispatched"}


def test_deliveries_ahead_work_one_at_a_time_while_another_post_is_due_soon(
    small_site: Site, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
):
    post = small_site.user("alice").scheduled()
    monkeypatch.setattr(small_site.services.deps.gate, "is_busy", lambda _deps, within=0.0: within == SOON_SECONDS)
    turnstile._deliveries.take("other")
    small_site.clock.at = NOW + HOUR
    thread, answers = in_thread(lambda: small_site.deliver(post))
    wait_until(lambda: turnstile._deliveries.waiting == 1)
    assert not answers
    turnstile._deliveries.release("other")
    thread.join(TIMEOUT_SECONDS)
    assert answers[0].status_code == 200
    assert (turnstile._deliveries.taken, turnstile._late_deliveries.taken) == (0, 0)


@pytest.mark.parametrize("seconds_ahead", [0.5, 0.0])
def test_late_delivery_has_turns_apart_from_those_ahead(
    small_site: Site, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch, seconds_ahead: float
):
    post = small_site.user("alice").scheduled()
    asked, take = list[Turns](), Turns.take

    def note(turns: Turns, owner: str, seconds: float | None = None) -> None:
        asked.extend([turns] * owner.startswith("owner:"))
        take(turns, owner, seconds)

    monkeypatch.setattr(Turns, "take", note)
    small_site.clock.at = NOW + HOUR - timedelta(seconds=seconds_ahead)
    alarm_at = NOW + HOUR - timedelta(seconds=lead_seconds(small_site.services.deps))
    small_site.deliver(post, notBefore=int(alarm_at.timestamp()))
    assert asked[0] is (turnstile._deliveries if seconds_ahead else turnstile._late_deliveries)


def test_late_deliveries_of_one_owner_work_one_at_a_time_while_a_post_is_due_soon(
    small_site: Site, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
):
    alices, bobs = (small_site.user(name).scheduled() for name in ("alice", "bob"))
    monkeypatch.setattr(small_site.services.deps.gate, "is_busy", lambda _deps, within=0.0: within == SOON_SECONDS)
    small_site.clock.at = NOW + HOUR
    long_ago = int(NOW.timestamp())
    turnstile._late_deliveries.take(f"owner:{alices['userId']}")
    thread, answers = in_thread(lambda: small_site.deliver(alices, notBefore=long_ago))
    wait_until(lambda: turnstile._late_deliveries.waiting == 1)
    assert json_of(small_site.deliver(bobs, notBefore=long_ago)) == {"status": "dispatched"}
    assert not answers
    turnstile._late_deliveries.release(f"owner:{alices['userId']}")
    thread.join(TIMEOUT_SECONDS)
    assert json_of(answers[0]) == {"status": "dispatched"}


def test_heavy_page_waits_for_the_heavy_turn_and_a_light_page_does_not(small_site: Site, turnstile: Turnstile):
    alice, bob = small_site.user("alice"), small_site.user("bob")
    for _ in range(2):
        alice.draft(content="x" * HEAVY_BYTES)
    bob.draft()
    turnstile._heavy.take("other")
    thread, answers = in_thread(lambda: alice.get("/api/posts"))
    wait_until(lambda: turnstile._heavy.waiting == 1)
    assert len(json_of(bob.get("/api/posts"))["data"]) == 1
    assert not answers
    turnstile._heavy.release("other")
    thread.join(TIMEOUT_SECONDS)
    assert len(json_of(answers[0])["data"]) == 2


def test_request_over_the_bound_of_the_process_is_refused_as_any_other(small_site: Site, turnstile: Turnstile):
    alice = small_site.user("alice")
    post = alice.scheduled()
    with ExitStack() as here:
        for _ in range(MAX_HERE):
            here.enter_context(turnstile.here.one_more(""))
        answer = alice.get("/api/posts")
        refused(answer, 503, "too_busy")
        assert answer.headers["X-Request-ID"]
        assert answer.headers["Retry-After"] == "5"
        small_site.clock.at = NOW + HOUR
        assert json_of(small_site.deliver(post)) == {"status": "dispatched"}
    small_site.clock.at = NOW
    assert alice.get("/api/posts").status_code == 200
    assert len(turnstile.here) == len(turnstile.users_here) == 0


def test_no_turn_in_time_is_503(
    small_site: Site, turnstile: Turnstile, taken: Callable[[Turns, int], None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.web.turnstile.MAX_WAIT_SECONDS", 0.01)
    taken(turnstile._users, USERS)
    refused(small_site.user("alice").get("/api/posts"), 503, "too_busy")


def test_delivery_without_a_turn_comes_again(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    post = small_site.user("alice").scheduled()
    small_site.clock.at = NOW + HOUR
    monkeypatch.setattr("app.web.turnstile.change_to", _refuse)
    refused(small_site.deliver(post), 503, "too_busy")
    assert small_site.rows("SELECT status FROM posts") == [("scheduled",)]
    monkeypatch.undo()
    assert json_of(small_site.deliver(post)) == {"status": "dispatched"}


def _refuse(*_arguments: Any) -> None:
    raise NoTurn


def test_body_is_awaited_without_a_turn(small_site: Site, turnstile: Turnstile):
    alice, seen = small_site.user("alice"), list[int]()
    body = json.dumps({"content": "x"}).encode()

    class Slow:
        def read(self, size: int = -1) -> bytes:
            seen.append(turnstile._users.taken)
            return body if len(seen) == 1 else b""

        def readline(self, size: int = -1) -> bytes:
            return self.read(size)

    environ = {"wsgi.input": Slow(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    headers = alice.headers | {"Content-Type": "application/json"}
    answer = small_site.client.post("/api/posts", headers=headers, environ_overrides=environ)
    json_of(answer, 201)
    assert set(seen) == {0}


@pytest.mark.parametrize("path", ["/api/posts/dispatch", "/api/webhooks/publish-status"])
def test_refused_machines_give_their_turns_back(small_site: Site, turnstile: Turnstile, path: str):
    for _ in range(2 * MACHINES):
        assert small_site.client.post(path, json={}).status_code == 401
    assert (turnstile._deliveries.taken, turnstile._machines.taken) == (0, 0)


def test_deliveries_go_on_while_all_reports_wait(
    small_site: Site, turnstile: Turnstile, taken: Callable[[Turns, int], None]
):
    post = small_site.user("alice").scheduled()
    taken(turnstile._machines, MACHINES)
    small_site.clock.at = NOW + HOUR
    assert json_of(small_site.deliver(post)) == {"status": "dispatched"}


@pytest.mark.parametrize("path", ["/api/posts/recover", "/api/cron/publish-scheduled"])
def test_cron_needs_no_turn_of_users_and_holds_none_while_it_sweeps(
    small_site: Site,
    turnstile: Turnstile,
    taken: Callable[[Turns, int], None],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
):
    working = list[int]()

    def leave_and_count() -> None:
        leave()
        working.append(turnstile._machines.taken)

    monkeypatch.setattr("app.web.cron.leave", leave_and_count)
    taken(turnstile._users, USERS)
    with ExitStack() as here:
        for _ in range(MAX_HERE):
            here.enter_context(turnstile.here.one_more(""))
        headers = {"Authorization": f"Bearer {SECRETS['cron_secret']}"}
        assert small_site.client.get(path, headers=headers).status_code == 200
    assert set(working) == {0}
