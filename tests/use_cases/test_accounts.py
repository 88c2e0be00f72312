"""Social accounts: the account of a post, sealed tokens, connection, change and removal."""

from datetime import timedelta

import pytest

from app.accounts.accounts import change_account, remove_account
from app.domain.errors import Conflict, Invalid, NotConfigured, NotFound
from app.store.accounts import accounts
from tests.support.fakes import FakeVault
from tests.support.world import IN_TEN_MINUTES, USER, World


def test_users_only_account_on_the_platform_is_the_default(world: World):
    world.connect("facebook", "page-1")
    assert world.scheduled().social_account_id == world.account.id


def test_schedule_without_account_on_the_platform_is_refused(world: World):
    post = world.draft(platform="facebook")
    with pytest.raises(Invalid) as refused:
        world.schedule(post)
    assert (refused.value.code, refused.value.errors[0].field) == ("account_missing", "socialAccountId")
    assert world.read(post).status == "draft"


def test_schedule_with_several_accounts_requires_an_account_id(world: World):
    other = world.connect(external_id="urn:li:person:2")
    post = world.draft()
    with pytest.raises(Invalid) as refused:
        world.schedule(post)
    assert (refused.value.code, refused.value.errors[0].actual) == ("account_ambiguous", 2)
    assert world.scheduled(social_account_id=other.id).social_account_id == other.id


def test_another_users_account_is_refused(world: World):
    theirs = world.connect(external_id="urn:li:person:2", user="user-2")
    with pytest.raises(Invalid) as refused:
        world.draft(social_account_id=theirs.id)
    assert refused.value.code == "account_missing"
    assert world.scheduled().social_account_id == world.account.id


def test_account_of_another_platform_is_refused(world: World):
    page = world.connect("facebook", "page-1")
    with pytest.raises(Invalid) as refused:
        world.draft(social_account_id=page.id)
    assert refused.value.code == "account_missing"


def test_post_with_removed_account_never_falls_back_to_the_remaining_account(world: World):
    """The remaining account may belong to another client, so it is never assumed."""
    other = world.connect(external_id="urn:li:person:2")
    post = world.draft(social_account_id=other.id)
    remove_account(world.deps, USER, other.id)
    with pytest.raises(Invalid) as refused:
        world.schedule(post)
    assert refused.value.code == "account_missing"
    assert [error.field for error in refused.value.errors] == ["socialAccountId"]
    assert world.read(post).status == "draft"


def test_tokens_are_sealed_before_they_are_stored(world: World):
    assert world.account.access_token == FakeVault.SEAL + "token-1"
    assert FakeVault().decrypt(world.account.access_token, "") == "token-1"


def test_connect_without_encryption_keys_is_refused(world: World):
    world.with_deps(vault=None)
    with pytest.raises(NotConfigured):
        world.connect(external_id="urn:li:person:2")
    with world.db.reading() as connection:
        assert len(accounts.usable(connection, USER, None, None, "linkedin")) == 1


def test_another_users_account_cannot_be_changed_or_removed(world: World):
    with pytest.raises(NotFound):
        change_account(world.deps, "user-2", world.account.id, {"account_name": "Mine"})
    with pytest.raises(NotFound):
        remove_account(world.deps, "user-2", world.account.id)
    assert world.account_status() == "active"


@pytest.mark.parametrize("status", ["scheduled", "publishing"])
def test_account_with_scheduled_or_publishing_post_cannot_be_removed(world: World, status: str):
    post = world.in_status(status)
    with pytest.raises(Conflict) as refused:
        remove_account(world.deps, USER, world.account.id)
    assert refused.value.code == "account_in_use"
    assert world.read(post).social_account_id == world.account.id


@pytest.mark.parametrize("status", ["draft", "failed", "published", "cancelled"])
def test_account_without_pending_posts_can_be_removed_and_its_posts_stay(world: World, status: str):
    post = world.in_status(status)
    remove_account(world.deps, USER, world.account.id)
    after = world.read(post)
    assert (after.status, after.social_account_id) == (status, post.social_account_id)


def test_removing_an_account_clears_its_alert(world: World):
    world.report_failed(world.in_flight(), error_code="REVOKED_ACCESS_TOKEN")
    remove_account(world.deps, USER, world.account.id)
    assert world.alerts() == {}


def test_revoked_token_report_marks_account_and_raises_alert_until_new_token(world: World):
    post = world.in_flight()
    world.report_failed(post, error_code="REVOKED_ACCESS_TOKEN")
    assert world.read(post).error_code == "reconnect_required"
    assert world.account_status() == "reconnect_required"
    assert world.alerts() == {"reconnect_required": world.account.id}
    world.connect(token="token-2")
    assert world.account_status() == "active"
    assert world.alerts() == {}


def test_other_due_posts_of_a_revoked_account_are_held_not_failed(world: World):
    first, second = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES)
    world.dispatch(first)
    world.report_failed(first, http_status=401)
    assert world.dispatch(second).reason == "account_on_hold"
    assert world.read(second).next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=15)


def test_revoked_token_report_ignores_account_whose_token_was_replaced_after_send(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=10)
    world.connect(token="token-2")
    world.clock.advance(seconds=10)
    world.report_failed(post, http_status=401)
    assert world.read(post).error_code == "reconnect_required"
    assert world.account_status() == "active"


def test_revoked_token_report_marks_account_renamed_after_send(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=10)
    change_account(world.deps, USER, world.account.id, {"account_name": "Anna"})
    world.report_failed(post, http_status=401)
    assert world.account_status() == "reconnect_required"
