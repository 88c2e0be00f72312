"""Tokens are renewed ahead of their end, one at a time; what may pass disconnects nobody, and the owner always wins."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.refresh import refresh
from app.delivery.settle import Dispatched
from app.domain.errors import Unavailable
from app.posts import drafts
from app.sweep.sweep import sweep
from tests.support.linkedin import failure, grant
from tests.support.oauth_world import SOON, ConnectedWorld
from tests.support.world import USER

AHEAD = timedelta(days=7)


@pytest.fixture
def world(database_url: str) -> Iterator[ConnectedWorld]:
    made = ConnectedWorld(database_url)
    yield made
    made.close()


def asked(world: ConnectedWorld) -> list[str]:
    return [token for token, _ in world.linkedin.refreshed]


def test_the_sweep_renews_a_token_that_ends_within_days(world: ConnectedWorld):
    account = world.ending()
    sweep(world.deps)
    assert asked(world) == ["refresh-1"]
    assert world.tokens(account) == ("access-2", "refresh-1")
    assert world.access_left(account) == timedelta(days=60)
    assert world.alerts() == {}


def test_without_a_refresh_token_there_is_nothing_to_try_and_so_nothing_that_fails(world: ConnectedWorld):
    account = world.ending(refresh=None)
    world.look_after()
    assert (asked(world), world.column(account, "refresh_failures")) == ([], 0)


def test_a_success_ends_the_turn_and_forgets_the_failures_before_it(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.answers.append(failure("unreachable"))
    world.look_after()
    assert world.column(account, "refresh_failures") == 1
    world.clock.advance(minutes=5)
    world.look_after()
    assert (world.column(account, "refresh_failures"), world.column(account, "refresh_lease_until")) == (0, None)


def test_a_token_that_lasts_is_left_alone(world: ConnectedWorld):
    world.ending(AHEAD + timedelta(seconds=1))
    world.look_after()
    assert asked(world) == []
    world.clock.advance(seconds=1)
    world.look_after()
    assert asked(world) == ["refresh-1"]


def test_an_account_of_another_platform_or_without_an_end_is_not_renewed(world: ConnectedWorld):
    world.ending(platform="facebook")
    world.connect(token="endless")
    world.look_after()
    assert asked(world) == []


def test_a_new_refresh_token_is_kept_with_its_end(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.usual = grant(refresh="refresh-2", refresh_days=300)
    world.look_after()
    assert world.tokens(account) == ("access-2", "refresh-2")
    assert world.account_now(account).refresh_expires_at == world.clock.now() + timedelta(days=300)


def test_an_absent_refresh_token_erases_neither_the_old_one_nor_its_end(world: ConnectedWorld):
    end = world.clock.now() + timedelta(days=200)
    account = world.ending(refresh_expires_at=end)
    world.linkedin.usual = grant(refresh=None)
    world.look_after()
    assert world.tokens(account) == ("access-2", "refresh-1")
    assert world.account_now(account).refresh_expires_at == end


@pytest.mark.parametrize("code", ["unreachable", "rate_limited", "broken_answer", "refused", "invalid_client"])
def test_a_failure_that_may_pass_disconnects_nobody_and_is_tried_again_later(world: ConnectedWorld, code: str):
    account = world.ending()
    world.linkedin.answers.append(failure(code))
    world.look_after()
    assert world.account_status(account) == "active"
    assert world.tokens(account) == ("access-1", "refresh-1")
    world.look_after()
    assert len(asked(world)) == 1
    world.clock.advance(minutes=5)
    world.look_after()
    assert world.tokens(account) == ("access-2", "refresh-1")


def test_the_pause_after_failures_doubles_and_has_an_end(world: ConnectedWorld):
    account = world.ending(timedelta(days=6.9))
    world.linkedin.usual = failure("unreachable")
    pauses = []
    for _ in range(9):
        world.look_after()
        retry_at = world.column(account, "refresh_retry_at")
        pauses.append((retry_at - world.clock.now()).total_seconds() / 60)
        world.clock.set(retry_at)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 360, 360]


def test_while_linkedin_is_away_one_account_finds_out_for_all(world: ConnectedWorld):
    for number in range(3):
        world.ending(external_id=f"urn:li:person:{number}")
    world.linkedin.usual = failure("unreachable")
    world.look_after()
    assert len(asked(world)) == 1


def test_one_account_that_is_refused_does_not_hide_the_next(world: ConnectedWorld):
    world.ending(external_id="urn:li:person:7")
    other = world.ending(SOON * 2, external_id="urn:li:person:8")
    world.linkedin.answers.append(failure("invalid_grant"))
    world.look_after()
    assert world.tokens(other)[0] == "access-2"


def test_an_account_that_breaks_whoever_handles_it_does_not_hide_the_next(world: ConnectedWorld):
    broken = world.ending(timedelta(days=1), external_id="urn:li:person:7")
    other = world.ending(external_id="urn:li:person:8")
    world.poison(broken)
    world.look_after()
    assert world.tokens(other)[0] == "access-2"


def test_a_refresh_token_that_no_key_opens_is_an_ordinary_failure(world: ConnectedWorld):
    account = world.ending()
    world.poison(account, "sealed by a key that is gone")
    world.look_after()
    assert asked(world) == []
    assert world.account_status(account) == "active"
    assert world.column(account, "refresh_failures") == 1


def test_the_sweeps_budget_ends_the_step(world: ConnectedWorld):
    for number in range(3):
        world.ending(external_id=f"urn:li:person:{number}")
    world.linkedin.during_call = lambda: world.clock.advance(seconds=10)
    world.look_after(seconds=15)
    assert len(asked(world)) == 2


def test_as_many_as_a_batch_are_looked_at_in_one_sweep(world: ConnectedWorld):
    world.set(sweep_batch_size=2)
    for number in range(3):
        world.ending(external_id=f"urn:li:person:{number}")
    world.look_after()
    assert len(asked(world)) == 2


def test_a_dead_refresh_token_marks_the_account_and_raises_the_alert(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.usual = failure("invalid_grant")
    world.look_after()
    assert world.account_status(account) == "reconnect_required"
    assert world.alerts() == {"reconnect_required": account.id}
    world.clock.advance(days=1)
    world.look_after()
    assert len(asked(world)) == 1


def test_a_refusal_of_our_own_id_is_an_alert_that_the_next_success_clears(world: ConnectedWorld):
    world.ending()
    world.linkedin.answers.append(failure("invalid_client"))
    world.look_after()
    assert world.alerts() == {"authorization_refused": "linkedin"}
    world.clock.advance(minutes=5)
    world.look_after()
    assert world.alerts() == {}


def test_an_owner_who_reconnects_wins_over_a_late_answer(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.during_call = lambda: world.ending(timedelta(days=30), access_token="of-the-owner", refresh="theirs")
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "superseded"
    assert world.tokens(account) == ("of-the-owner", "theirs")
    assert world.access_left(account) == timedelta(days=30)


def test_an_owner_who_reconnects_is_not_marked_by_a_late_refusal(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.usual = failure("invalid_grant")
    world.linkedin.during_call = lambda: world.ending(access_token="of-the-owner", refresh="theirs")
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "superseded"
    assert world.account_status(account) == "active"
    assert world.alerts() == {}


def test_an_owner_who_reconnects_is_not_put_off_by_a_late_failure(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.answers.append(failure("unreachable"))
    world.linkedin.during_call = lambda: world.ending(access_token="of-the-owner", refresh="theirs")
    world.look_after()
    assert world.column(account, "refresh_failures") == 0
    world.linkedin.during_call = None
    world.look_after()
    assert world.tokens(account) == ("access-2", "theirs")


def test_an_account_that_is_removed_meanwhile_stays_removed(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.during_call = lambda: drafts.remove_account(world.deps, USER, account.id)
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "superseded"
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "idle"


def test_while_one_asks_another_does_not_until_the_turn_is_over(world: ConnectedWorld):
    account, seen = world.ending(), []
    before = world.clock.now() + AHEAD

    def second() -> None:
        world.linkedin.during_call = None
        seen.append(refresh(world.deps, account.id, before))
        world.clock.advance(seconds=71)  # the call's bound and a minute: the first is taken for dead
        seen.append(refresh(world.deps, account.id, before))

    world.linkedin.answers.extend([grant("late"), grant("second")])
    world.linkedin.during_call = second
    assert refresh(world.deps, account.id, before) == "superseded"
    assert seen == ["idle", "refreshed"]
    assert world.tokens(account)[0] == "second"


def test_new_tokens_outlive_a_database_that_is_away_for_a_moment(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.during_call = lambda: world.cut_database(2)
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "refreshed"
    assert world.tokens(account)[0] == "access-2"


def test_nothing_is_asked_when_the_turn_cannot_be_written_down(world: ConnectedWorld):
    account = world.ending()
    world.cut_database(1)
    with pytest.raises(Unavailable):
        refresh(world.deps, account.id, world.clock.now() + AHEAD)
    assert asked(world) == []


def test_an_answer_whose_life_is_short_is_not_asked_for_at_every_sweep(world: ConnectedWorld):
    """As a refresh token nears its own end, so does every access token that it gives."""
    account = world.ending()
    world.linkedin.usual = grant(days=2)
    for _ in range(12):
        world.look_after()
        world.clock.advance(hours=1)
    assert len(asked(world)) == 1
    world.clock.advance(hours=12)
    world.look_after()
    assert len(asked(world)) == 2
    assert world.access_left(account) == timedelta(days=2)


def test_a_mark_that_came_while_we_asked_is_healed_and_its_held_posts_go_on(world: ConnectedWorld):
    """The token that was refused then is not the one we have now."""
    account = world.ending()
    held = world.due()

    def meanwhile() -> None:
        world.token_is_refused()
        world.dispatch(held)

    world.linkedin.during_call = meanwhile
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "refreshed"
    assert world.account_status(account) == "active"
    assert world.read(held).next_attempt_at == world.clock.now()
    assert world.dispatch(held) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"


def test_a_refusal_of_the_old_token_after_the_renewal_does_not_mark_the_account(world: ConnectedWorld):
    account = world.ending()
    post = world.in_flight()
    world.clock.advance(seconds=1)
    world.look_after()
    world.report_failed(post, http_status=401)
    assert world.account_status(account) == "active"
