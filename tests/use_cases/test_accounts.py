"""Which account a post goes out through, and how accounts are connected, sealed and removed."""

from datetime import timedelta

import pytest

from app.domain.errors import Conflict, Invalid, NotConfigured, NotFound
from app.posts import drafts
from app.store.accounts import accounts
from tests.support.fakes import FakeVault
from tests.support.world import IN_TEN_MINUTES, USER, World


def test_a_users_only_account_on_the_platform_is_taken(world: World):
    world.connect("facebook", "page-1")
    assert world.scheduled().social_account_id == world.account.id


def test_without_an_account_on_the_platform_nothing_is_scheduled(world: World):
    post = world.draft(platform="facebook")
    with pytest.raises(Invalid) as refused:
        world.schedule(post)
    assert (refused.value.code, refused.value.errors[0].field) == ("account_missing", "socialAccountId")
    assert world.read(post).status == "draft"


def test_with_several_accounts_the_author_must_say_which(world: World):
    other = world.connect(external_id="urn:li:person:2")
    post = world.draft()
    with pytest.raises(Invalid) as refused:
        world.schedule(post)
    assert (refused.value.code, refused.value.errors[0].actual) == ("account_ambiguous", 2)
    assert world.scheduled(social_account_id=other.id).social_account_id == other.id


def test_another_users_account_is_no_account(world: World):
    theirs = world.connect(external_id="urn:li:person:2", user="user-2")
    with pytest.raises(Invalid) as refused:
        world.draft(social_account_id=theirs.id)
    assert refused.value.code == "account_missing"
    assert world.scheduled().social_account_id == world.account.id


def test_an_account_of_another_platform_is_no_account(world: World):
    page = world.connect("facebook", "page-1")
    with pytest.raises(Invalid) as refused:
        world.draft(social_account_id=page.id)
    assert refused.value.code == "account_missing"


def test_a_post_whose_named_account_is_gone_does_not_take_the_only_one_left(world: World):
    """It may belong to another client; whose words go out where is never guessed."""
    other = world.connect(external_id="urn:li:person:2")
    post = world.draft(social_account_id=other.id)
    drafts.remove_account(world.deps, USER, other.id)
    with pytest.raises(Invalid) as refused:
        world.schedule(post)
    assert refused.value.code == "account_missing"
    assert [error.field for error in refused.value.errors] == ["socialAccountId"]
    assert world.read(post).status == "draft"


def test_tokens_are_sealed_before_they_are_stored(world: World):
    assert world.account.access_token == FakeVault.SEAL + "token-1"
    assert FakeVault().decrypt(world.account.access_token) == "token-1"


def test_without_keys_no_token_is_taken_in(world: World):
    world.with_deps(vault=None)
    with pytest.raises(NotConfigured):
        world.connect(external_id="urn:li:person:2")
    with world.db.reading() as connection:
        assert len(accounts.usable(connection, USER, None, None, "linkedin")) == 1


def test_another_users_account_can_be_neither_changed_nor_removed(world: World):
    with pytest.raises(NotFound):
        drafts.change_account(world.deps, "user-2", world.account.id, {"account_name": "Mine"})
    with pytest.raises(NotFound):
        drafts.remove_account(world.deps, "user-2", world.account.id)
    assert world.account_status() == "active"


@pytest.mark.parametrize("status", ["scheduled", "publishing"])
def test_an_account_that_posts_are_scheduled_through_cannot_be_removed(world: World, status: str):
    post = world.in_status(status)
    with pytest.raises(Conflict) as refused:
        drafts.remove_account(world.deps, USER, world.account.id)
    assert refused.value.code == "account_in_use"
    assert world.read(post).social_account_id == world.account.id


@pytest.mark.parametrize("status", ["draft", "failed", "published", "cancelled"])
def test_an_account_that_no_coming_post_needs_can_be_removed_and_the_posts_stay(world: World, status: str):
    post = world.in_status(status)
    drafts.remove_account(world.deps, USER, world.account.id)
    now = world.read(post)
    assert (now.status, now.social_account_id) == (status, post.social_account_id)


def test_the_alert_of_an_account_that_is_removed_goes_with_it(world: World):
    world.report_failed(world.in_flight(), error_code="REVOKED_ACCESS_TOKEN")
    drafts.remove_account(world.deps, USER, world.account.id)
    assert world.alerts() == {}


def test_a_report_of_a_revoked_token_marks_the_account_and_raises_an_alert_that_a_new_token_clears(world: World):
    post = world.in_flight()
    world.report_failed(post, error_code="REVOKED_ACCESS_TOKEN")
    assert world.read(post).error_code == "reconnect_required"
    assert world.account_status() == "reconnect_required"
    assert world.alerts() == {"reconnect_required": world.account.id}
    world.connect(token="token-2")
    assert world.account_status() == "active"
    assert world.alerts() == {}


def test_the_other_due_posts_of_a_revoked_account_are_held_and_not_burned(world: World):
    first, second = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES)
    world.dispatch(first)
    world.report_failed(first, http_status=401)
    assert world.dispatch(second).reason == "account_on_hold"
    assert world.read(second).next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=15)


def test_a_revoked_token_that_was_replaced_since_the_send_does_not_mark_the_account_again(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=10)
    world.connect(token="token-2")
    world.clock.advance(seconds=10)
    world.report_failed(post, http_status=401)
    assert world.read(post).error_code == "reconnect_required"
    assert world.account_status() == "active"


def test_a_name_that_was_changed_since_the_send_does_not_hide_that_its_token_is_refused(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=10)
    drafts.change_account(world.deps, USER, world.account.id, {"account_name": "Anna"})
    world.report_failed(post, http_status=401)
    assert world.account_status() == "reconnect_required"
