"""The claim of no post that a process makes before its first instant."""

from unittest import mock

from app.delivery import rehearsal
from app.delivery.rehearsal import Rehearsal, rehearse
from tests.support.databases import record_statements
from tests.support.world import World


def test_rehearsal_claims_no_post(world: World):
    due, later = world.due(), world.scheduled()
    before = [world.read(post) for post in (due, later)]
    rehearse(world.deps)
    assert [world.read(post) for post in (due, later)] == before
    assert [world.attempts(post) for post in (due, later)] == [[], []]


def test_rehearsal_makes_the_statement_of_the_first_claim(world: World):
    with record_statements(world.db.engine, "WITH unlocked_posts") as rehearsed:
        rehearse(world.deps)
    assert len(rehearsed) == (1 if world.db.is_postgresql else 0)  # SQLite claims post by post


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
