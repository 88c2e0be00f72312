"""Warnings in the schedule answer about the author's other posts, never about the post itself."""

from datetime import timedelta
from functools import partial

import pytest

from app.posts import warnings
from tests.support.threads import errors, run_together
from tests.support.world import IN_TEN_MINUTES, World

HOUR = timedelta(hours=1)


def codes(answer) -> list[str]:
    return [code for code, _ in answer.warnings]


def test_same_text_within_a_day_warns_and_names_the_other_post(world: World):
    first = world.scheduled(content="Big  news")
    answer = world.schedule(world.draft(content="big news"), IN_TEN_MINUTES + HOUR)
    assert codes(answer) == ["duplicate_text"]
    assert first.id in answer.warnings[0][1]
    assert "2030-01-07T12:10:00.000Z" in answer.warnings[0][1]


def test_another_post_within_the_minute_warns(world: World):
    world.scheduled(content="One")
    answer = world.schedule(world.draft(content="Two"), IN_TEN_MINUTES + timedelta(seconds=59))
    assert codes(answer) == ["crowded_minute"]
    assert answer.post.status == "scheduled"


def test_rescheduled_post_does_not_warn_about_itself(world: World):
    post = world.scheduled()
    assert codes(world.schedule(post, IN_TEN_MINUTES)) == []
    assert codes(world.schedule(post, IN_TEN_MINUTES + HOUR)) == []


def test_published_posts_count_as_duplicates(world: World):
    world.published()
    assert codes(world.schedule(world.draft(), IN_TEN_MINUTES + HOUR)) == ["duplicate_text"]


def test_cancelled_posts_do_not_count_as_duplicates(world: World):
    world.cancelled()
    assert codes(world.schedule(world.draft())) == []


def test_posts_of_another_account_do_not_count_as_duplicates(world: World):
    world.scheduled()
    world.connect(user="user-2")
    assert codes(world.schedule(world.draft(user="user-2"))) == []


def test_not_armed_warning_comes_with_all_other_warnings(world: World):
    world.scheduled()
    world.messages.publish_error = "unreachable"
    assert codes(world.schedule(world.draft())) == ["not_armed", "duplicate_text", "crowded_minute"]


def test_database_failure_after_commit_drops_the_warnings_only(world: World):
    world.scheduled()
    second = world.scheduled()
    world.fail_transactions(1)
    assert warnings.find_warnings(world.deps, second) == []
    assert len(warnings.find_warnings(world.deps, second)) == 2


@pytest.mark.parametrize("_round", range(4))
def test_of_two_concurrent_schedules_of_one_text_at_least_one_is_warned(world: World, _round: int):
    drafts = [world.draft(), world.draft()]
    answers = run_together([partial(world.schedule, draft) for draft in drafts])
    assert errors(answers) == []
    assert any("duplicate_text" in codes(answer) for answer in answers)
