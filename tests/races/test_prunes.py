"""Pruning beside those who take a post up again, and beside itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from app.operations.status import inspect
from app.store.posts import transitions
from app.sweep import retention
from tests.support.threads import PATIENCE, errors, together, wait_until_blocked
from tests.support.world import World

MONTH = timedelta(days=30)


def test_a_failed_post_that_is_retried_while_it_is_being_pruned_stays(crowd: World):
    post = crowd.failed()
    crowd.clock.advance(days=31)
    with ThreadPoolExecutor(1) as pool:
        with crowd.db.transaction() as tx:
            assert transitions.retry_by_hand(tx, post, now=crowd.clock.now(), actor="user:user-1")
            prune = pool.submit(retention.prune, crowd.deps, MONTH)
            wait_until_blocked(crowd.db)
        assert sum(prune.result(PATIENCE).posts.values()) == 0
    assert crowd.read(post).status == "scheduled"


def test_two_prunes_at_once_delete_and_count_each_post_once(crowd: World):
    for _ in range(20):
        crowd.published()
    crowd.clock.advance(days=31)
    results = together([partial(retention.prune, crowd.deps, MONTH)] * 2)
    assert errors(results) == []
    assert sum(pruned.posts["published"] for pruned in results) == 20
    state = inspect(crowd.deps)
    assert (state["totalPublished"], state["queue"]["published"]) == (20, 0)
