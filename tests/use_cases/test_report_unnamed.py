"""A failure that names no attempt, as old workflows report it, proves little about a later attempt."""

import pytest

from app.delivery.report import Applied
from app.domain.errors import Conflict
from app.domain.post import Post
from app.posts.recover import recover
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.world import USER, World


def after_a_failed_run(world: World) -> Post:
    """Return a post whose first attempt n8n ran and reported as busy, and whose second one is in flight."""
    world.set(unknown_outcome_policy="hold")
    post = world.in_flight()
    world.report_failed(post, http_status=429, attempt=1)
    world.at_due(post)
    world.dispatch(post)
    return world.read(post)


@pytest.mark.parametrize(("http_status", "account"), [(400, "active"), (422, "active"), (401, "reconnect_required")])
def test_failure_after_an_attempt_that_ran_proves_nothing(world: World, http_status: int, account: str):
    """n8n may run one call twice: the second run of the first attempt fails while the second attempt is out."""
    post = after_a_failed_run(world)
    assert world.report_failed(post, http_status=http_status) == Applied(False, "publishing")
    assert world.outcomes(post) == ["transient", "unknown"]
    assert world.account_status() == account
    world.after_lease(post)
    sweep(world.deps)
    assert (world.read(post).status, world.read(post).error_code) == ("failed", "outcome_unknown")
    with pytest.raises(Conflict) as refused:
        recover(world.deps, USER, post.id, "retry", False)
    assert refused.value.code == "force_required"
    world.report_published(post, attempt=2)
    assert world.read(post).status == "published"


def test_named_failure_says_more_than_the_unnamed_one_before(world: World):
    post = after_a_failed_run(world)
    world.report_failed(post, http_status=422)
    world.report_failed(post, http_status=422, attempt=2)
    assert world.outcomes(post) == ["transient", "permanent"]
    recover(world.deps, USER, post.id, "retry", False)


def test_failure_counts_where_no_earlier_attempt_ran(world: World):
    post = world.due()
    world.publisher.answers(answered(500))
    world.dispatch(post)
    world.at_due(post)
    world.dispatch(post)
    assert world.report_failed(post, http_status=400) == Applied(True, "failed")
    assert world.outcomes(post) == ["transient", "permanent"]
