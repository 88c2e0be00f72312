"""The host's clock apart from the database's: nothing early, nothing lost, and no sweep by a wrong clock."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from app.delivery import dispatch
from app.delivery.gate.gate import Gate
from app.delivery.postpone import MAX_REARMS
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.domain.seats import Seats
from app.operations.clock import check_clock
from app.operations.status import scheduler_status
from app.sweep.sweep import poll, sweep
from tests.support.database_clock import TwoClocks, two_clocks
from tests.support.databases import record_statements
from tests.support.fakes import START
from tests.support.world import World

DUE = START + timedelta(hours=3)


@pytest.fixture
def clocks(postgresql_url: str, request: pytest.FixtureRequest) -> Iterator[TwoClocks]:
    with two_clocks(postgresql_url, request.param) as made:
        yield made


def apart(*ahead: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("clocks", ahead, indirect=True)


def deliver_all(world: TwoClocks, most: int = 50, signs: bool = True) -> list[Dispatched]:
    """Deliver every pending message at its second of true time, until none is left."""
    answers: list[Dispatched] = []
    pending = world.messages.pending
    while pending and len(answers) < most:
        message_id, alarm = min(pending.items(), key=lambda one: one[1].not_before)
        del pending[message_id]
        world.set_true(max(datetime.fromtimestamp(alarm.not_before, UTC), world.true_now))
        signed_at = world.true_now.replace(microsecond=0) if signs else None
        answers.append(dispatch.dispatch(world.deps, alarm.post_id, alarm.generation, "message", message_id, signed_at))
    return answers


def true_instants(world: TwoClocks) -> list[datetime]:
    """Record the true instant of each send from now on."""
    sent: list[datetime] = []
    world.publisher.during_send = lambda _: sent.append(world.true_now)
    return sent


@apart(120.0, 3600.0, 11.0, 3.0)
@pytest.mark.parametrize("milliseconds", [0, 400, 999])
def test_host_ahead_of_the_database_sends_at_the_true_instant(clocks: TwoClocks, milliseconds: int):
    due = DUE + timedelta(milliseconds=milliseconds)
    post = clocks.scheduled(due)
    sent = true_instants(clocks)
    answers = deliver_all(clocks)
    assert sent == [due]
    assert answers == [Dispatched("dispatched")]
    assert clocks.outcomes(post) == ["accepted"]


@apart(120.0)
def test_host_ahead_without_signed_instants_sends_at_most_the_tolerance_early(clocks: TwoClocks):
    clocks.scheduled(DUE)
    sent = true_instants(clocks)
    deliver_all(clocks, signs=False)
    assert len(sent) == 1
    assert DUE - timedelta(seconds=1) <= sent[0] <= DUE


@apart(0.9, -0.9)
def test_clocks_within_the_tolerance_send_at_the_hosts_instant(clocks: TwoClocks):
    clocks.scheduled(DUE)
    clocks.set_true(DUE - clocks.ahead)
    sent = true_instants(clocks)
    deliver_all(clocks, signs=False)
    assert sent == [DUE - clocks.ahead]


@apart(120.0, 3600.0)
def test_delivery_refused_by_the_databases_clock_is_armed_ahead_of_the_true_instant(clocks: TwoClocks):
    post = clocks.scheduled(DUE)
    clocks.set_true(DUE - timedelta(seconds=60))
    assert clocks.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    assert clocks.messages.published[-1].not_before == int(DUE.timestamp()) - 1
    assert clocks.read(post).status == "scheduled"
    assert clocks.attempts(post) == []


@apart(120.0)
def test_second_delivery_of_a_refused_post_adds_no_message(clocks: TwoClocks):
    post = clocks.scheduled(DUE)
    clocks.set_true(DUE - timedelta(seconds=60))
    clocks.dispatch(post, message_id=post.message_id)
    assert clocks.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_already")
    assert len(clocks.messages.published) == 2


@apart(3600.0)
def test_deliveries_refused_again_and_again_end_with_the_sweep_as_their_net(clocks: TwoClocks):
    post = clocks.scheduled(DUE)
    clocks.set_true(DUE - timedelta(seconds=60))
    answers = [clocks.dispatch(post, message_id=clocks.read(post).message_id) for _ in range(MAX_REARMS + 3)]
    assert answers[MAX_REARMS:] == [Dispatched("early", "left_to_sweep")] * 3
    assert len(clocks.messages.published) == 1 + MAX_REARMS
    clocks.mend_clock()
    clocks.set_true(DUE - timedelta(seconds=10))
    assert sweep(clocks.deps).armed == 1


@apart(120.0)
def test_refused_delivery_without_a_seat_is_armed_again(clocks: TwoClocks):
    full = Seats(1)
    assert full.take("another", ("post", 1)) is not None
    clocks.with_deps(seats=full)
    post = clocks.scheduled(DUE)
    sent = true_instants(clocks)
    assert deliver_all(clocks)[0] == Dispatched("early", "armed_again")
    assert clocks.outcomes(post) == ["accepted"]
    assert timedelta(0) <= sent[0] - DUE <= timedelta(seconds=3)


@apart(120.0)
def test_group_at_the_gate_is_refused_whole_and_sent_at_the_true_instant(clocks: TwoClocks):
    clocks.with_deps(gate=Gate())
    posts = [clocks.scheduled(DUE, content=f"Post {n}") for n in range(3)]
    sent = true_instants(clocks)
    answers = deliver_all(clocks)
    assert [answer.status for answer in answers] == ["dispatched"] * 3
    assert all(at >= DUE for at in sent)
    assert [clocks.outcomes(post) for post in posts] == [["accepted"]] * 3


@apart(120.0)
def test_blocked_post_is_not_failed_before_its_true_instant(clocks: TwoClocks):
    post = clocks.scheduled(DUE)
    clocks.overwrite(post, social_account_id=None)
    clocks.set_true(DUE - timedelta(seconds=60))
    assert clocks.dispatch(post, message_id=post.message_id).status == "early"
    assert clocks.read(post).status == "scheduled"


@apart(120.0)
def test_poll_leaves_a_refused_post_scheduled(clocks: TwoClocks):
    clocks.with_deps(messages=None)
    post = clocks.scheduled(DUE)
    clocks.set_true(DUE - timedelta(seconds=60))
    assert clocks.dispatch(post, "poll") == Dispatched("early", "database_clock")
    assert clocks.read(post).status == "scheduled"


@apart(120.0, -120.0, 3600.0, 10.0, -10.0)
@pytest.mark.parametrize("run", [sweep, poll])
@pytest.mark.parametrize("poll_mode", [False, True])
def test_sweep_does_nothing_while_the_clocks_differ(clocks: TwoClocks, run, poll_mode: bool):
    if poll_mode:
        clocks.with_deps(messages=None)
    clocks.with_deps(database_clock=False)
    clocks.in_flight()
    due = clocks.scheduled()
    clocks.with_deps(database_clock=True)
    clocks.set_true(clocks.clock.now() + timedelta(hours=2))  # past the lease and the instant by both clocks
    before, submissions = clocks.all_post_rows(), len(clocks.publisher.submissions)
    swept = run(clocks.deps)
    assert (swept.skipped, swept.clock_skew_seconds) == (True, clocks.ahead.total_seconds())
    assert clocks.all_post_rows() == before
    assert len(clocks.publisher.submissions) == submissions
    assert clocks.alerts()["clock_skew"] == "scheduler"
    assert "clock_skew" in [alert["kind"] for alert in scheduler_status(clocks.deps)["alerts"]]
    clocks.mend_clock()
    assert not run(clocks.deps).skipped
    assert "clock_skew" not in clocks.alerts()
    assert clocks.read(due).status == "publishing" or clocks.read(due).armed


@apart(9.9, -9.9, 0.0)
def test_sweep_runs_while_the_clocks_differ_little(clocks: TwoClocks):
    swept = sweep(clocks.deps)
    assert (swept.skipped, swept.clock_skew_seconds) == (False, None)
    assert clocks.alerts() == {}


@apart(120.0, -120.0, 0.0)
def test_doctor_names_the_difference_and_its_cure(clocks: TwoClocks):
    found = check_clock(clocks.deps)
    assert found is not None
    mark, about, text = found
    assert (mark, about) == ("FAIL" if clocks.ahead else "OK", "clock")
    assert ("120 s" in text) == bool(clocks.ahead)


@apart(0.0)
def test_claim_that_compares_the_clocks_takes_one_statement(clocks: TwoClocks):
    post = clocks.scheduled(DUE)
    clocks.set_true(DUE)
    with record_statements(clocks.db.engine, "WITH claimed") as claims:
        clocks.dispatch(post)
    assert len(claims) == 1
    assert "clock_timestamp()" in claims[0]


@apart(0.0)
def test_sweep_reads_the_databases_clock_once(clocks: TwoClocks):
    with record_statements(clocks.db.engine, "SELECT clock_timestamp()") as reads:
        sweep(clocks.deps)
    assert len(reads) == 1


def test_sqlite_has_one_clock_so_nothing_is_compared(sqlite_url: str):
    world = World(sqlite_url)
    post: Post = world.due()
    assert world.dispatch(post) == Dispatched("dispatched")
    assert check_clock(world.deps) is None
    assert not sweep(world.deps).skipped
    world.close()


def test_wiring_compares_the_clocks_on_postgresql_alone(sqlite_url: str, postgresql_url: str):
    from app.settings.values import Settings
    from app.wiring import wire

    with ExitStack() as stack:
        for url, compared in ((sqlite_url, False), (postgresql_url, True)):
            deps = wire(Settings(database_url=url)).deps
            stack.callback(deps.db.close)
            assert deps.database_clock is compared
