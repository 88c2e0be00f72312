"""Arming again after a change of the settings that messages carry: noticed by the sweep, in batches, idempotent."""

import base64
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from app.domain.post import Post
from app.settings.armed_content import armed_content
from app.settings.values import Settings
from app.store.operations import armed_contents
from app.sweep.rearm import notice_change, rearm
from app.sweep.sweep import sweep
from tests.support.world import IN_TEN_MINUTES, World

NEW_BASE = "https://new.punctual.test"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def armed(world: World, count: int = 3) -> list[Post]:
    """Record the present settings, and schedule posts an hour apart."""
    sweep(world.deps)
    return [world.scheduled(IN_TEN_MINUTES + number * HOUR) for number in range(count)]


def record(world: World) -> armed_contents.ArmedContent:
    with world.db.reading() as connection:
        found = armed_contents.read(connection)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"public_base_url": NEW_BASE},
        {"internal_api_secret": "the-secret-from-now-on"},
        {"vercel_automation_bypass_secret": "the-bypass-from-now-on"},
        {"qstash_url": "https://eu.qstash.test"},
        {"qstash_token": "the-token-of-another-account"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_sweep_arms_posts_again_after_a_change_of_what_messages_carry(world: World, change: dict[str, Any]):
    posts = armed(world)
    old = [post.message_id for post in posts]
    world.set(**change)
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 3
    after = [world.read(post) for post in posts]
    assert {post.armed_as for post in after} == {armed_content(world.deps.settings)}
    assert all(post.armed and post.message_id not in old for post in after)
    assert Counter(world.messages.cancelled) == Counter(old)
    assert len(world.messages.pending) == 3
    assert [post.generation for post in after] == [post.generation for post in posts]
    assert record(world).rearmed_at is not None


def test_sweep_arms_no_post_again_without_a_change(world: World):
    posts = armed(world)
    world.set(qstash_retries=1, n8n_timeout_seconds=20.0, qstash_current_signing_key="rotated")
    for _ in range(2):
        world.clock.advance(minutes=1)
        assert sweep(world.deps).armed == 0
    assert [world.read(post).message_id for post in posts] == [post.message_id for post in posts]


def test_second_sweep_after_a_change_arms_nothing(world: World):
    armed(world)
    world.set(public_base_url=NEW_BASE)
    world.clock.advance(minutes=1)
    assert [sweep(world.deps).armed, sweep(world.deps).armed] == [3, 0]


def test_posts_in_batches_are_all_armed_again_nearest_first(world: World):
    posts = armed(world, 7)
    world.set(public_base_url=NEW_BASE, sweep_batch_size=2)
    world.messages.batches.clear()
    assert notice_change(world.deps)
    done = rearm(world.deps, lambda: True)
    assert (done.armed, done.refused, done.complete) == (7, 0, True)
    assert [alarm.post_id for batch in world.messages.batches for alarm in batch] == [post.id for post in posts]
    assert [len(batch) for batch in world.messages.batches] == [2, 2, 2, 1]


def test_rearm_out_of_time_goes_on_with_the_rest_next_time(world: World):
    armed(world, 5)
    world.set(public_base_url=NEW_BASE, sweep_batch_size=2)
    assert notice_change(world.deps)
    left = [True, False]
    first = rearm(world.deps, lambda: left.pop(0))
    assert (first.armed, first.complete) == (2, False)
    assert record(world).rearmed_at is None
    assert notice_change(world.deps)
    second = rearm(world.deps, lambda: True)
    assert (second.armed, second.complete) == (3, True)
    assert not notice_change(world.deps)


@pytest.mark.parametrize("code", ["unreachable", "quota_exceeded", "refused"])
def test_refused_posts_keep_their_old_message_until_the_sweep_arms_them(world: World, code: str):
    posts = armed(world)
    world.set(public_base_url=NEW_BASE)
    world.clock.advance(minutes=1)
    world.messages.publish_error = code
    assert sweep(world.deps).armed == 0
    assert world.messages.cancelled == []
    assert not any(world.read(post).armed for post in posts)
    world.messages.publish_error = None
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 3
    assert all(world.read(post).armed for post in posts)


def test_change_and_back_arms_only_the_posts_of_the_other_settings(world: World):
    armed(world, 2)
    base = world.deps.settings.public_base_url
    world.set(public_base_url=NEW_BASE)
    late = world.scheduled(IN_TEN_MINUTES + DAY)  # by an instance with the new settings, before any sweep
    world.set(public_base_url=base)
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 0  # no sweep saw the change
    world.set(public_base_url=NEW_BASE)
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 2
    assert world.read(late).message_id == late.message_id


def test_post_armed_by_an_old_instance_after_the_change_is_armed_again(world: World):
    armed(world, 1)
    base = world.deps.settings.public_base_url
    world.set(public_base_url=NEW_BASE)
    assert notice_change(world.deps)
    world.set(public_base_url=base)
    late = world.scheduled(IN_TEN_MINUTES + DAY)
    world.set(public_base_url=NEW_BASE)
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 2
    assert world.read(late).message_id != late.message_id


def test_post_taken_by_its_delivery_meanwhile_is_not_armed_again(world: World):
    near, _ = armed(world, 2)
    world.set(public_base_url=NEW_BASE)
    assert notice_change(world.deps)

    def deliver() -> None:
        world.clock.set(IN_TEN_MINUTES)
        assert world.dispatch(near).status == "dispatched"

    world.at_next_transaction(deliver)
    done = rearm(world.deps, lambda: True)
    assert (done.armed, done.complete) == (1, True)
    assert world.reasons(near)[-1] == "claimed"


def test_message_armed_before_the_change_still_delivers_once(world: World):
    post, _ = armed(world, 2)
    world.set(public_base_url=NEW_BASE)
    world.clock.advance(minutes=1)
    sweep(world.deps)
    world.at_due(post)
    assert world.dispatch(post, message_id=post.message_id).status == "dispatched"
    assert world.dispatch(post, message_id=world.read(post).message_id).status == "ignored"
    assert len(world.publisher.submissions) == 1


def test_poll_mode_records_no_content(world: World):
    world.with_deps(messages=None)
    sweep(world.deps)
    with world.db.reading() as connection:
        assert armed_contents.read(connection) is None


def test_record_and_posts_hold_no_secret(world: World):
    world.set(internal_api_secret="a-secret-that-nobody-may-read", qstash_token="a-token-that-nobody-may-read")
    [post] = armed(world, 1)
    stored = f"{record(world)} {world.read(post)}"
    assert "nobody-may-read" not in stored
    assert len(record(world).fingerprint) == 16


def token_of(user: str, password: str) -> str:
    return base64.b64encode(json.dumps({"UserID": user, "Password": password}).encode()).decode()


def test_new_token_of_the_same_account_changes_nothing():
    of = [armed_content(Settings(qstash_token=token_of(*who))) for who in (("a", "1"), ("a", "2"), ("b", "1"))]
    assert of[0] == of[1] != of[2]


@pytest.mark.parametrize("token", [None, "", "x", "bm8ganNvbg==", "W10=", "bnVsbA==", "eyJQYXNzd29yZCI6IjEifQ=="])
def test_any_token_has_a_fingerprint(token: str | None):
    assert len(armed_content(Settings(qstash_token=token))) == 16
