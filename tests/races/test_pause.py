"""A pause of all sending beside deliveries: each post is sent once before it, or waits and is sent once after it."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.pause import pause, resume
from tests.support.threads import errors, run_beside, run_together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, World

POSTS = 12


def sends(world: World) -> Counter[str]:
    return Counter(submission.post_id for submission in world.publisher.submissions)


def test_posts_beside_a_pause_are_sent_once_before_or_after_it(world: World):
    world.with_deps(gate=Gate())
    group = [world.scheduled(content=f"Post {number}") for number in range(POSTS)]
    world.clock.set(IN_TEN_MINUTES)
    works: list[Callable[[], object]] = [partial(world.dispatch, post) for post in group]
    works.insert(POSTS // 2, partial(pause, world.deps, "in the middle"))
    results = run_together(works)
    assert errors(results) == []
    sent = sends(world)
    assert {world.read(post).status for post in group} <= {"publishing", "scheduled"}
    for post in group:
        again = world.dispatch(post)
        assert again == (
            Dispatched("ignored", "busy") if post.id in sent else Dispatched("retry_scheduled", "sending_paused")
        )
    assert sends(world) == sent
    resume(world.deps)
    for post in group:
        world.dispatch(post)
    assert sends(world) == {post.id: 1 for post in group}
    assert all(world.read(post).attempt == 1 for post in group)


def test_claim_that_waits_for_a_pause_in_the_making_sends_nothing_after_it(pg_world: World):
    """The claim waits for the post's lock. Its statement began before the pause was committed."""
    post = pg_world.due()
    with pg_world.db.transaction() as tx:
        tx.exec_driver_sql("SELECT 1 FROM posts FOR UPDATE")
        with run_beside(partial(pg_world.dispatch, post)) as delivery:
            wait_until_blocked(pg_world.db)
            pause(pg_world.deps, "while it waits")
            tx.rollback()
    assert delivery.result() in (Dispatched("dispatched"), Dispatched("retry_scheduled", "sending_paused"))
    assert pg_world.dispatch(post).status != "dispatched"
    assert len(pg_world.publisher.submissions) <= 1
