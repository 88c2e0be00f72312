"""The window of sends in flight follows n8n's answers, as TCP's congestion window does."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.window import BEST_LASTS, CEILING, FLOOR, REST, START, Window

NOW = datetime(2030, 1, 7, 12, 0, tzinfo=UTC)


class Answers:
    """A window and its answers. Each send begins when the one before has ended."""

    def __init__(self, fixed: int | None = None) -> None:
        self.window, self.now = Window(fixed), NOW

    def answer(self, seconds: float, times: int = 1, *, is_full: bool = True) -> float:
        for _ in range(times):
            sent_at, self.now = self.now, self.now + timedelta(seconds=seconds)
            self.window.answered(sent_at, self.now, is_full=is_full)
        return self.window.size

    def time_out(self, times: int = 1) -> float:
        for _ in range(times):
            sent_at, self.now = self.now, self.now + timedelta(seconds=30)
            self.window.overloaded(sent_at, self.now)
        return self.window.size


def test_window_grows_by_one_with_each_quick_answer_until_its_first_decrease():
    assert Answers().answer(0.05, START) == 2 * START


def test_window_grows_by_about_one_per_window_after_a_decrease():
    answers = Answers()
    after = answers.time_out()
    assert after + 0.9 < answers.answer(0.05, int(after)) <= after + 1


def test_window_that_is_not_full_does_not_grow():
    assert Answers().answer(0.05, 100, is_full=False) == START


def test_window_never_leaves_its_bounds():
    answers = Answers()
    assert answers.answer(0.005, 1000) == CEILING
    assert answers.time_out(20) == FLOOR


def test_timeout_halves_the_window():
    assert Answers().time_out() == START / 2


def test_timeouts_of_one_window_halve_it_once():
    window = Window()
    for number in range(START):
        window.overloaded(NOW, NOW + timedelta(seconds=30, milliseconds=number))
    assert window.size == START / 2


def test_quick_answers_of_the_window_before_a_decrease_do_not_grow_it():
    window = Window()
    window.overloaded(NOW, NOW + timedelta(seconds=1))
    window.answered(NOW, NOW + timedelta(seconds=1.1), is_full=True)
    assert window.size == START / 2


@pytest.mark.parametrize("slow", [0.41, 5.0])
def test_answers_far_slower_than_the_best_shrink_the_window(slow: float):
    answers = Answers()
    grown = answers.answer(0.1, 10)
    assert answers.answer(slow, 40) < grown


@pytest.mark.parametrize(("best", "later"), [(0.002, 0.2), (0.1, 0.34), (2.0, 7.9)])
def test_answers_a_little_slower_than_the_best_do_not_shrink_the_window(best: float, later: float):
    answers = Answers()
    grown = answers.answer(best, 10)
    assert answers.answer(later, 40) >= grown


def test_one_slow_answer_among_quick_ones_changes_nothing():
    answers = Answers()
    grown = answers.answer(0.05, 10)
    assert answers.answer(1.5) == grown
    assert answers.answer(0.05) == grown + 1


def test_window_shrinks_to_what_a_slow_n8n_takes_at_once():
    """n8n executes 25 posts a second, so an answer takes as long as the sends in flight before it."""
    answers = Answers()
    answers.answer(0.04)
    for _ in range(400):
        answers.answer(max(answers.window.limit / 25, 0.04))
    assert answers.window.limit == FLOOR


def test_slower_workflow_becomes_the_best_after_some_minutes():
    answers = Answers()
    answers.answer(0.05, 10)
    answers.now += 2 * BEST_LASTS
    answers.answer(1.0)
    answers.now += BEST_LASTS
    size = answers.answer(1.0)
    assert answers.window.best_seconds == 1.0
    assert answers.answer(1.0, 20) > size


def test_window_grows_quickly_again_after_a_rest():
    answers = Answers()
    after = answers.time_out()
    answers.answer(0.05)
    answers.now += REST
    assert answers.answer(0.05, 10) > after + 9


def test_fixed_window_never_changes():
    answers = Answers(3)
    assert answers.answer(0.01, 50) == 3
    assert answers.time_out(5) == 3
    assert answers.answer(60, 50) == 3


def test_clock_set_back_during_a_send_counts_as_a_quick_answer():
    window = Window()
    window.answered(NOW, NOW - timedelta(hours=1), is_full=True)
    assert window.best_seconds == 0.0
    assert window.size == START + 1
