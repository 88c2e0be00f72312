"""Pruning concurrent with a manual retry and with another prune."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from app.operations.status import scheduler_status
from app.store.posts import queries, transitions
from app.sweep import retention
from tests.support.threads import TIMEOUT_SECONDS, errors, run_together
from tests.support.world import World

MONTH = timedelta(days=30)


def test_failed_post_retried_during_a_prune_is_kept_and_the_prune_does_not_wait(pg_world: World):
    post, other = pg_world.failed(), pg_world.failed()
    pg_world.clock.advance(days=31)
    with ThreadPoolExecutor(1) as pool, pg_world.db.transaction() as tx:
        assert transitions.retry_by_hand(tx, post, now=pg_world.clock.now(), actor="user:user-1")
        prune = pool.submit(retention.prune, pg_world.deps, MONTH)
        assert prune.result(TIMEOUT_SECONDS).posts["failed"] == 1
    assert pg_world.read(post).status == "scheduled"
    with pg_world.db.reading() as connection:
        assert queries.post_by_id(connection, other.id) is None


def test_two_concurrent_prunes_delete_and_count_each_post_once(pg_world: World):
    for _ in range(20):
        pg_world.published()
    pg_world.clock.advance(days=31)
    results = run_together([partial(retention.prune, pg_world.deps, MONTH)] * 2)
    assert errors(results) == []
    assert sum(pruned.posts["published"] for pruned in results) == 20
    state = scheduler_status(pg_world.deps)
    assert (state["totalPublished"], state["queue"]["published"]) == (20, 0)
