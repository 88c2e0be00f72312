"""Bulk calls beside other changes: each post has one winner, and no post is sent twice or lost."""

from functools import partial
from typing import Any

import sqlalchemy as sa

from app.domain.bulk import Op, Operation
from app.domain.errors import Conflict
from app.domain.post import Post
from app.posts.bulk import BulkAnswer, run_bulk
from app.posts.schedule import unschedule
from app.store.posts import queries
from app.store.schema.tables import posts
from tests.support.threads import errors, run_together
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 4
DRAFT: dict[str, Any] = {"content": "Hello", "platform": "linkedin", "post_type": "post", "media": []}
DRAFT |= {"image_url": None}


def order(op: Op, ids: list[str], **fields: Any) -> list[Operation]:
    return [Operation(number, op, post_id, **fields) for number, post_id in enumerate(ids, 1)]


def drafts(world: World, count: int) -> list[str]:
    answer = run_bulk(world.deps, USER, [Operation(n, Op.CREATE, draft=DRAFT) for n in range(1, count + 1)])
    return [str(one.post_id) for one in answer.results]


def run(world: World, operations: list[Operation]) -> BulkAnswer:
    return run_bulk(world.deps, USER, operations)


def _read(world: World, ids: list[str]) -> list[Post]:
    with world.db.reading() as connection:
        return [post for post_id in ids if (post := queries.post_by_id(connection, post_id)) is not None]


def armed_generations(world: World) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for alarm in world.messages.pending.values():
        found.setdefault(alarm.post_id, []).append(alarm.generation)
    return found


def test_two_bulk_calls_for_the_same_posts_in_opposite_orders_do_not_deadlock(pg_world: World):
    ids = drafts(pg_world, 120)
    for _ in range(ROUNDS):
        at = IN_TEN_MINUTES.isoformat()
        up, down = order(Op.SCHEDULE, ids, at=at), order(Op.SCHEDULE, ids[::-1], at=at)
        results = run_together([partial(run, pg_world, up), partial(run, pg_world, down)])
        assert errors(results) == []
        for answer in results:
            assert all(one.done or one.code == "changed_meanwhile" for one in answer.results)
        armed = armed_generations(pg_world)
        for post in _read(pg_world, ids):
            assert post.status == "scheduled"
            assert post.generation in armed[post.id]


def test_bulk_cancel_beside_unschedule_leaves_one_state_for_each_post(pg_world: World):
    for _ in range(ROUNDS):
        ids = drafts(pg_world, 20)
        run(pg_world, order(Op.SCHEDULE, ids, at=IN_TEN_MINUTES.isoformat()))
        single = [partial(unschedule, pg_world.deps, USER, post_id) for post_id in ids[:6]]
        bulk, *others = run_together([partial(run, pg_world, order(Op.CANCEL, ids)), *single])
        assert all(isinstance(error, Conflict) for error in errors(others))
        assert all(one.done or one.code == "changed_meanwhile" for one in bulk.results)
        expected = ["cancelled" if one.done else "draft" for one in bulk.results]
        assert [post.status for post in _read(pg_world, ids)] == expected
        assert set(expected[6:]) == {"cancelled"}
        assert not set(ids) & set(armed_generations(pg_world))


def test_a_delivery_beside_a_bulk_unschedule_is_one_send_or_none(pg_world: World):
    for _ in range(ROUNDS):
        ids = drafts(pg_world, 6)
        run(pg_world, order(Op.SCHEDULE, ids, at=max(IN_TEN_MINUTES, pg_world.clock.now()).isoformat()))
        due = _read(pg_world, ids)
        pg_world.at_due(due[0])
        sends = len(pg_world.publisher.submissions)
        deliveries = [partial(pg_world.dispatch, post) for post in due]
        results = run_together([partial(run, pg_world, order(Op.UNSCHEDULE, ids)), *deliveries])
        assert errors(results) == []
        sent = [one.post_id for one in pg_world.publisher.submissions[sends:]]
        assert len(sent) == len(set(sent))
        for result, post in zip(results[0].results, _read(pg_world, ids), strict=True):
            if result.done:
                assert (post.status, post.id in sent) == ("draft", False)
            else:
                assert (result.code in ("in_flight", "already_published"), post.id in sent) == (True, True)


def test_bulk_creates_at_once_never_exceed_the_quota_together(world: World):
    world.set(quota_posts=150)
    rows = [Operation(n, Op.CREATE, draft=DRAFT) for n in range(1, 101)]
    results = run_together([partial(run, world, rows)] * 3)
    assert errors(results) == []
    assert sum(one.done for answer in results for one in answer.results) == 150
    with world.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(posts)).scalar_one() == 150


def test_a_post_locked_by_another_change_is_refused_and_the_others_are_done(pg_world: World):
    ids = drafts(pg_world, 3)
    with pg_world.db.transaction() as tx:
        tx.execute(sa.update(posts).where(posts.c.id == ids[1]).values(updated_at=pg_world.clock.now()))
        answer = run(pg_world, order(Op.CANCEL, ids))
    assert [one.code for one in answer.results] == [None, "changed_meanwhile", None]
