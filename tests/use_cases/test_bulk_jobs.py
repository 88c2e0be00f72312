"""Long bulk calls: the rest becomes a job, which the sweep finishes once and for its own user."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.bulk import Op, Operation, from_stored, to_stored
from app.domain.errors import Invalid, NotFound, Unavailable
from app.domain.ports import Alarm
from app.posts import bulk, bulk_jobs, bulk_plan
from app.posts.bulk import run_bulk
from app.store.operations.jobs import Job
from app.store.schema.tables import jobs, posts
from app.sweep.sweep import sweep
from tests.support.world import IN_TEN_MINUTES, USER, World

DRAFT: dict[str, Any] = {"content": "Hello", "platform": "linkedin", "post_type": "post", "media": []}
DRAFT |= {"image_url": None}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


def rows(count: int) -> list[Operation]:
    at = (IN_TEN_MINUTES + timedelta(hours=1)).isoformat()
    return [Operation(number, Op.CREATE, at=at, draft=DRAFT) for number in range(1, count + 1)]


def slow(world: World, seconds: float) -> None:
    """Let each alarm take so long."""

    def wait(_alarm: Alarm, _message_id: str) -> None:
        world.clock.set(world.clock.now() + timedelta(seconds=seconds))

    world.messages.during_publish = wait


def begin(world: World, count: int = 350) -> Job:
    slow(world, 0.03)  # three seconds for each chunk
    answer = run_bulk(world.deps, USER, rows(count))
    assert answer.job is not None
    world.messages.during_publish = None
    return answer.job


def count_posts(world: World, **values: Any) -> int:
    where = [posts.c[name] == value for name, value in values.items()]
    with world.db.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(posts).where(*where)).scalar_one()


def test_a_call_above_its_budget_becomes_a_job_that_the_sweep_finishes(world: World):
    job = begin(world)
    assert (job.finished, job.total, job.position, len(job.operations)) == (False, 350, 200, 150)
    assert count_posts(world) == 200
    sweep(world.deps)
    done = bulk_jobs.read(world.deps, USER, job.id)
    assert (done.finished, done.position, done.operations) == (True, 350, [])
    assert sorted(result["row"] for result in done.results) == list(range(1, 351))
    assert {result["status"] for result in done.results} == {"done"}
    assert count_posts(world, status="scheduled") == 350
    assert len(world.messages.pending) == 350


def test_a_crash_within_a_chunk_repeats_no_row_and_loses_none(world: World):
    job = begin(world)
    with pytest.raises(RuntimeError):
        _crash_after_the_first_chunk(world)
    assert bulk_jobs.read(world.deps, USER, job.id).position == 300
    sweep(world.deps)
    done = bulk_jobs.read(world.deps, USER, job.id)
    assert (done.finished, done.position, count_posts(world)) == (True, 350, 350)


def _crash_after_the_first_chunk(world: World) -> None:
    calls = iter([True])

    def in_time() -> bool:
        if next(calls, False):
            return True
        raise RuntimeError

    bulk.finish_jobs(world.deps, in_time)


def test_two_processes_at_one_job_do_each_row_once(world: World):
    job = begin(world, 250)
    stale = bulk_jobs.read(world.deps, USER, job.id)
    bulk.finish_jobs(world.deps, lambda: True)
    assert bulk_jobs._work_at(world.deps, bulk.run_chunk, stale) == 0
    assert count_posts(world) == 250


def test_a_job_checks_the_rights_of_its_user_again(world: World):
    world.set(quota_posts=250)
    job = begin(world)
    sweep(world.deps)
    done = bulk_jobs.read(world.deps, USER, job.id)
    assert (done.finished, count_posts(world)) == (True, 250)
    assert [result.get("code") for result in done.results[250:]] == ["quota_exceeded"] * 100


def test_jobs_take_turns(world: World):
    first, second = begin(world), begin(world)
    turns = iter([True, True])

    def in_time() -> bool:
        world.clock.set(world.clock.now() + timedelta(seconds=1))
        return next(turns, False)

    bulk.finish_jobs(world.deps, in_time)
    positions = [bulk_jobs.read(world.deps, USER, job.id).position for job in (first, second)]
    assert positions == [300, 300]


def test_a_chunk_that_breaks_is_refused_and_the_job_goes_on(world: World, monkeypatch: pytest.MonkeyPatch):
    job = begin(world)
    failures = iter([True])
    plan = bulk_plan.plan

    def break_once(*arguments: Any) -> Any:
        if next(failures, False):
            raise ZeroDivisionError
        return plan(*arguments)

    monkeypatch.setattr(bulk, "plan", break_once)
    sweep(world.deps)
    done = bulk_jobs.read(world.deps, USER, job.id)
    assert (done.finished, done.position, count_posts(world)) == (True, 350, 250)
    assert [result.get("code") for result in done.results[200:300]] == ["internal_error"] * 100


def test_the_sweep_goes_on_while_the_database_is_away_for_a_job(world: World, monkeypatch: pytest.MonkeyPatch):
    job = begin(world)

    def away(*_arguments: Any) -> None:
        raise Unavailable

    monkeypatch.setattr(bulk, "plan", away)
    sweep(world.deps)
    assert bulk_jobs.read(world.deps, USER, job.id).position == 200


def test_a_database_that_goes_away_in_a_call_refuses_the_rows_that_are_left(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    plan, calls = bulk_plan.plan, iter([True])

    def once(*arguments: Any) -> Any:
        if next(calls, False):
            return plan(*arguments)
        raise Unavailable

    monkeypatch.setattr(bulk, "plan", once)
    answer = run_bulk(world.deps, USER, rows(250))
    assert [one.done for one in answer.results] == [True] * 100 + [False] * 150
    assert {one.code for one in answer.results[100:]} == {"database_unavailable"}
    assert {one.message for one in answer.results[100:200]} == {bulk.IN_DOUBT.detail}
    assert {one.message for one in answer.results[200:]} == {Unavailable().detail}


def test_more_unfinished_jobs_than_the_quota_are_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_jobs, "MAX_OPEN_JOBS", 1)
    begin(world)
    with pytest.raises(Invalid) as error:
        run_bulk(world.deps, USER, rows(1))
    assert error.value.code == "quota_exceeded"
    assert len(run_bulk(world.deps, "user-2", [Operation(1, Op.CREATE, draft=DRAFT)]).results) == 1


def test_a_job_of_another_user_is_unknown(world: World):
    job = begin(world)
    with pytest.raises(NotFound):
        bulk_jobs.read(world.deps, "user-2", job.id)


def test_a_job_is_deleted_after_a_week(world: World):
    job = begin(world)
    sweep(world.deps)
    world.clock.set(job.expires_at + timedelta(seconds=1))
    sweep(world.deps)
    with world.db.reading() as connection:
        assert connection.execute(sa.select(jobs.c.id)).all() == []


def test_a_stored_operation_is_read_back_unchanged():
    whole = Operation(7, Op.MOVE, "id", "2026-12-01T09:00:00", "Europe/Berlin", 1, True, "PT2H", {"content": "x"})
    for one in (whole, Operation(1, Op.CANCEL, "id")):
        assert from_stored(to_stored(one)) == one
