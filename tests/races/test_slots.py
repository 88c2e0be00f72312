"""Posts that take the next free slot of one account at once never take the same one."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.accounts import remove_account
from app.accounts.slots import set_slots
from app.companies import companies
from app.domain.bulk import Op, Operation
from app.domain.errors import NotFound
from app.domain.slots import DAYS, queue_of, read_slot
from app.posts.bulk import run_bulk
from app.posts.create import create_scheduled
from app.posts.schedule import order_for, schedule
from app.store.accounts import queues
from app.store.schema.tables import account_queues
from tests.support.fakes import START
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together, wait_until_blocked
from tests.support.world import USER, World

CALLS = 8
HOURLY = queue_of("UTC", [read_slot(f"{day} {hour:02}:00:00") for day in DAYS for hour in range(24)])
VALUES: dict[str, Any] = {"content": "x", "media": [], "image_url": None, "platform": "linkedin", "post_type": "post"}


def next_slots(count: int) -> list[Any]:
    return [START + timedelta(hours=n + 1) for n in range(count)]


def test_concurrent_calls_take_different_slots_without_a_hole(world: World):
    """SQLite's writers wait for each other, and PostgreSQL's for the row of the account's queue."""
    set_slots(world.deps, USER, world.account.id, HOURLY)
    posts = [world.draft() for _ in range(CALLS)]
    works: list[Callable[[], Any]] = [partial(schedule, world.deps, USER, post.id, None, None, 0) for post in posts]
    works += [lambda: create_scheduled(world.deps, VALUES, order_for(world.deps, USER, None, None, 0))] * CALLS
    done = run_together(works)
    assert errors(done) == []
    assert sorted(one.post.scheduled_at for one in done) == next_slots(2 * CALLS)
    assert all(one.chosen.at == one.post.scheduled_at for one in done)


def test_bulk_calls_beside_single_ones_take_different_slots_without_a_hole(world: World):
    set_slots(world.deps, USER, world.account.id, HOURLY)
    rows = [Operation(n, Op.CREATE, draft=VALUES, slot=True) for n in range(3)]
    works: list[Callable[[], Any]] = [partial(run_bulk, world.deps, USER, rows)] * 3
    works += [partial(schedule, world.deps, USER, world.draft().id, None, None, 0) for _ in range(3)]
    done = run_together(works)
    assert errors(done) == []
    bulk, single = done[:3], done[3:]
    taken = [row.scheduled_at for answer in bulk for row in answer.results] + [one.chosen.at for one in single]
    assert sorted(taken) == next_slots(12)


def test_concurrent_calls_for_posts_of_a_company_take_different_slots(pg_world: World):
    company = companies.create_company(pg_world.deps, USER, "Agency").id
    account = pg_world.connect("linkedin", "urn:li:person:shared")
    with pg_world.db.transaction() as tx:
        tx.execute(
            sa.text("UPDATE social_accounts SET company_id = :company WHERE id = :id"),
            {"company": company, "id": account.id},
        )
    set_slots(pg_world.deps, USER, account.id, HOURLY)
    posts = [pg_world.draft(company_id=company) for _ in range(CALLS)]
    done = run_together([partial(schedule, pg_world.deps, USER, post.id, None, None, 0) for post in posts])
    assert errors(done) == []
    assert sorted(one.post.scheduled_at for one in done) == next_slots(CALLS)


def test_second_call_waits_for_the_first_and_takes_the_next_slot(pg_world: World):
    set_slots(pg_world.deps, USER, pg_world.account.id, HOURLY)
    first, second = pg_world.draft(), pg_world.draft()
    with pg_world.db.transaction() as tx:
        queues.lock_queue(tx, pg_world.account.id)
        with run_beside(partial(schedule, pg_world.deps, USER, second.id, None, None, 0)) as waiting:
            wait_until_blocked(pg_world.db)
            pg_world.overwrite(
                first,
                status="scheduled",
                scheduled_at=next_slots(1)[0],
                next_attempt_at=next_slots(1)[0],
                social_account_id=pg_world.account.id,
            )
            tx.commit()
            assert waiting.result(TIMEOUT_SECONDS).post.scheduled_at == next_slots(2)[1]


@pytest.mark.parametrize("known", [False, True])
def test_slots_set_beside_the_removal_of_their_account_end_with_it(pg_world: World, known: bool):
    for number in range(10):
        account = pg_world.connect("facebook", f"1{number}")
        if known:
            set_slots(pg_world.deps, USER, account.id, HOURLY)
        works = [
            partial(set_slots, pg_world.deps, USER, account.id, HOURLY),
            partial(remove_account, pg_world.deps, USER, account.id),
        ]
        put, removed = run_together(works)
        assert removed is None
        assert put is None or isinstance(put, NotFound)
    with pg_world.db.reading() as connection:
        assert connection.execute(sa.select(account_queues)).all() == []
