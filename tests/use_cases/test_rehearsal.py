"""The claim of no post that a process makes before its first instant."""

from unittest import mock

import pytest

from app.delivery import rehearsal
from app.delivery.gate.gate import Gate
from app.delivery.rehearsal import Rehearsal, rehearse
from app.domain.delivery import Dispatched
from tests.support.databases import record_statements
from tests.support.world import World


def test_rehearsal_claims_no_post(world: World):
    due, later = world.due(), world.scheduled()
    before = [world.read(post) for post in (due, later)]
    rehearse(world.deps)
    assert [world.read(post) for post in (due, later)] == before
    assert [world.attempts(post) for post in (due, later)] == [[], []]


def test_first_claim_of_a_group_finds_its_statement_built(world: World, caplog: pytest.LogCaptureFixture):
    claimed_by = "WITH unlocked_posts" if world.db.is_postgresql else "UPDATE posts"
    rehearse(world.deps)
    delivery = world.due()
    world.with_deps(gate=Gate())
    with record_statements(world.db.engine, claimed_by) as claims, caplog.at_level("INFO", "sqlalchemy.engine"):
        assert world.dispatch(delivery) == Dispatched("dispatched")
    lines = [record.getMessage() for record in caplog.records]
    after = [lines[number + 1] for number, line in enumerate(lines) if line == claims[0]]
    assert after[0].startswith("[cached since")


def test_absent_database_is_no_error(world: World):
    world.fail_transactions(1)
    rehearse(world.deps)


def test_process_rehearses_once(world: World):
    of_process = Rehearsal()
    with mock.patch(f"{rehearsal.__name__}.threading.Thread") as thread:
        for _ in range(3):
            of_process.begin(world.deps)
    assert thread.call_count == 1
    assert thread.call_args.kwargs["target"] is rehearse
    assert thread.call_args.kwargs["daemon"]


def test_delivery_goes_on_where_no_thread_can_be_started(world: World):
    with mock.patch(f"{rehearsal.__name__}.threading.Thread") as thread:
        thread.return_value.start.side_effect = RuntimeError("can't start new thread")
        Rehearsal().begin(world.deps)
    assert thread.return_value.start.called
