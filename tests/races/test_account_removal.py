"""An account is removed or withdrawn while a post is scheduled through it."""

from functools import partial

from app.accounts.accounts import remove_account
from app.domain.errors import Conflict, Invalid
from app.posts import schedule
from app.store.companies import access
from app.store.posts import transitions
from tests.races.test_leaving import ACTS, BOSS, ROUNDS, Act, due_post, withdraw
from tests.support.threads import TIMEOUT_SECONDS, run_beside, run_together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, World


@ACTS
def test_schedule_beside_a_leaving_is_held_or_refused(pg_world: World, act: Act):
    """No post stays scheduled through a profile that is gone."""
    for number in range(ROUNDS):
        company, account, post = due_post(pg_world, number)
        schedule.unschedule(pg_world.deps, BOSS, post.id)
        again = partial(schedule.schedule, pg_world.deps, BOSS, post.id, IN_TEN_MINUTES.isoformat(), None, 0)
        scheduled, left = run_together([again, partial(act, pg_world, company, account)])
        assert left is None
        after = pg_world.read(post)
        if act is withdraw:
            assert after.status == ("draft" if isinstance(scheduled, Exception) else "failed")
        elif after.status == "scheduled":  # after the leaving: it waits for the profile
            pg_world.at_due(after)
            assert pg_world.dispatch(after).reason == "account_on_hold"
        else:
            assert after.error_code == "member_left"


def test_schedule_beside_the_removal_of_its_account_is_refused_or_refuses_the_removal(pg_world: World):
    for number in range(ROUNDS):
        _, account, post = due_post(pg_world, number)
        schedule.unschedule(pg_world.deps, BOSS, post.id)
        again = partial(schedule.schedule, pg_world.deps, BOSS, post.id, IN_TEN_MINUTES.isoformat(), None, 0)
        scheduled, removed = run_together([again, partial(remove_account, pg_world.deps, BOSS, account)])
        if isinstance(removed, Conflict):
            assert (removed.code, pg_world.read(post).status) == ("account_in_use", "scheduled")
        else:
            assert (removed, type(scheduled)) == (None, Invalid)
            assert pg_world.read(post).status == "draft"


def test_removal_of_an_account_waits_for_a_schedule_in_progress(pg_world: World):
    company, account, post = due_post(pg_world)
    schedule.unschedule(pg_world.deps, BOSS, post.id)
    draft = pg_world.read(post)
    with pg_world.db.transaction() as tx:
        access.lock_company(tx, company, exclusive=False)
        with run_beside(partial(remove_account, pg_world.deps, BOSS, account)) as removing:
            wait_until_blocked(pg_world.db)
            now = pg_world.clock.now()
            transitions.schedule(
                tx, draft, at=IN_TEN_MINUTES, time_zone=None, account_id=account, now=now, actor="user:x"
            )
            tx.commit()
            error = removing.exception(TIMEOUT_SECONDS)
    assert isinstance(error, Conflict)
    assert error.code == "account_in_use"
