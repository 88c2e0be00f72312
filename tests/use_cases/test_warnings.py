"""The schedule answer warns of the author's own other posts, and never of the post itself."""

from datetime import timedelta
from functools import partial

import pytest

from app.posts import warnings
from tests.support.threads import errors, together
from tests.support.world import IN_TEN_MINUTES, World

HOUR = timedelta(hours=1)


def codes(answer) -> list[str]:
    return [code for code, _ in answer.warnings]


def test_the_same_text_within_a_day_is_a_warning_that_names_the_other_post(world: World):
    first = world.scheduled(content="Big  news")
    answer = world.schedule(world.draft(content="big news"), IN_TEN_MINUTES + HOUR)
    assert codes(answer) == ["duplicate_text"]
    assert first.id in answer.warnings[0][1]
    assert "2030-01-07T12:10:00.000Z" in answer.warnings[0][1]


def test_another_post_within_the_minute_is_a_warning(world: World):
    world.scheduled(content="One")
    answer = world.schedule(world.draft(content="Two"), IN_TEN_MINUTES + timedelta(seconds=59))
    assert codes(answer) == ["crowded_minute"]
    assert answer.post.status == "scheduled"


def test_a_post_that_is_rescheduled_does_not_warn_of_itself(world: World):
    post = world.scheduled()
    assert codes(world.schedule(post, IN_TEN_MINUTES)) == []
    assert codes(world.schedule(post, IN_TEN_MINUTES + HOUR)) == []


def test_what_went_out_already_counts_and_what_was_called_off_does_not(world: World):
    world.published()
    assert codes(world.schedule(world.draft(), IN_TEN_MINUTES + HOUR)) == ["duplicate_text"]


def test_what_was_called_off_does_not_count(world: World):
    world.cancelled()
    assert codes(world.schedule(world.draft())) == []


def test_another_accounts_posts_do_not_count(world: World):
    world.scheduled()
    world.connect(user="user-2")
    assert codes(world.schedule(world.draft(user="user-2"))) == []


def test_with_the_warning_of_an_alarm_that_was_not_taken_all_are_told(world: World):
    world.scheduled()
    world.messages.refusing = "unreachable"
    assert codes(world.schedule(world.draft())) == ["not_armed", "duplicate_text", "crowded_minute"]


def test_a_database_that_goes_away_after_the_commit_costs_the_warning_and_not_the_answer(world: World):
    world.scheduled()
    second = world.scheduled()
    world.cut_database(1)
    assert warnings.find_warnings(world.deps, second) == []
    assert len(warnings.find_warnings(world.deps, second)) == 2


@pytest.mark.parametrize("_round", range(4))
def test_of_two_that_are_scheduled_at_once_one_at_least_is_warned(world: World, _round: int):
    drafts = [world.draft(), world.draft()]
    answers = together([partial(world.schedule, draft) for draft in drafts])
    assert errors(answers) == []
    assert any("duplicate_text" in codes(answer) for answer in answers)
