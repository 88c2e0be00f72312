"""Fair shares of the token refresh: only our own tokens, owners in turn, and one refusal ends nothing for others."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.accounts import change_account, connect_account
from app.accounts.connect import granted
from app.accounts.refresh import renew_account
from app.domain.oauth import Grant
from app.domain.post import Account
from tests.support.linkedin import failure
from tests.support.oauth_world import SOON, OAuthWorld
from tests.support.world import USER


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def used(world: OAuthWorld) -> list[str]:
    return [token for token, _ in world.linkedin.refreshed]


def pasted(world: OAuthWorld, **more: Any) -> Account:
    values = {
        "platform": "linkedin",
        "external_id": "urn:li:person:9",
        "access_token": "a",
        "refresh_token": "invented",
    }
    return connect_account(world.deps, USER, values | {"expires_at": world.clock.now() + SOON} | more)


def test_pasted_refresh_token_is_never_sent_to_our_client(world: OAuthWorld):
    account = pasted(world)
    world.maintain_accounts()
    renew_account(world.deps, account, world.clock.now() + timedelta(days=30))
    assert used(world) == []
    assert world.alerts() == {"reconnect_soon": account.id}


def test_refresh_token_pasted_over_a_granted_one_is_never_sent(world: OAuthWorld):
    account = world.expiring_account()
    change_account(world.deps, USER, account.id, {"refresh_token": "invented"})
    world.maintain_accounts()
    assert used(world) == []


def test_access_token_pasted_over_a_granted_one_keeps_the_granted_refresh(world: OAuthWorld):
    account = world.expiring_account()
    values = {"access_token": "access-3", "expires_at": world.clock.now() + SOON}
    change_account(world.deps, USER, account.id, values)
    world.maintain_accounts()
    assert used(world) == ["refresh-1"]


def test_consent_marks_the_refresh_token_as_granted(world: OAuthWorld):
    grant = Grant("access-1", "refresh-1", SOON.total_seconds(), 30 * 86_400)
    pasted(world)
    pasted(world, **granted(grant, world.clock.now()))
    world.maintain_accounts()
    assert used(world) == ["refresh-1"]


def test_first_account_of_each_owner_is_refreshed_before_the_second_of_any(world: OAuthWorld):
    world.set(sweep_batch_size=4)
    for number in range(5):
        world.expiring_account(timedelta(hours=1 + number), external_id=f"urn:li:person:{number}", refresh=f"a{number}")
    for owner in ("b", "c"):
        world.expiring_account(external_id=f"urn:li:person:{owner}", refresh=owner, user=owner)
    world.maintain_accounts()
    assert (used(world)[0], sorted(used(world)[1:3]), used(world)[3]) == ("a0", ["b", "c"], "a1")


@pytest.mark.parametrize("code", ["rate_limited", "unreachable"])
def test_one_refusal_by_the_service_ends_the_refresh_of_its_owner_alone(world: OAuthWorld, code: str):
    for number in range(2):
        world.expiring_account(timedelta(hours=1), external_id=f"urn:li:person:{number}", refresh=f"a{number}")
    for owner in ("b", "c"):
        world.expiring_account(external_id=f"urn:li:person:{owner}", refresh=owner, user=owner)
    world.linkedin.answers.append(failure(code))
    world.maintain_accounts()
    assert len(used(world)) == 3
    assert sorted(used(world)[1:]) == ["b", "c"]


def test_three_refusals_in_a_row_end_the_step(world: OAuthWorld):
    world.linkedin.default_answer = failure("rate_limited")
    for number in range(5):
        world.expiring_account(external_id=f"urn:li:person:{number}", refresh=f"r{number}", user=f"owner-{number}")
    world.maintain_accounts()
    assert len(used(world)) == 3


def test_account_tried_longest_ago_comes_first(world: OAuthWorld):
    world.linkedin.answers.append(failure("broken_answer"))
    world.expiring_account(timedelta(hours=1), external_id="urn:li:person:1", refresh="tried")
    world.maintain_accounts()
    world.expiring_account(timedelta(hours=2), external_id="urn:li:person:2", refresh="new", user="b")
    world.clock.advance(minutes=10)
    world.linkedin.refreshed.clear()
    world.maintain_accounts()
    assert used(world) == ["new", "tried"]
