"""The bench's figures from arrivals."""

from pathlib import Path

import pytest

from tests.bench.disk_watch import DiskWatch, Stall, held_seconds, longest_seconds
from tests.bench.figures import Figures, lateness_figures, medians, percentile, with_disk
from tests.bench.ledger import Post
from tests.bench.workloads.crash import crash_figures
from tests.support.pollers import wait_for

POSTS = [Post("a", 100.0), Post("b", 100.0), Post("c", 100.0), Post("d", 100.0)]


def test_lateness_counts_first_arrivals_and_a_post_without_one_is_lost():
    figures = lateness_figures(POSTS, {"a": [100.5, 100.001], "b": [100.002], "c": [99.999]}, burst=True)
    assert (figures.lost, figures.twice, figures.early) == (1, 1, 1)
    assert figures.first_ms == pytest.approx(-1, abs=0.01)
    assert figures.last_ms == pytest.approx(2, abs=0.01)
    assert figures.p50_ms == pytest.approx(1, abs=0.01)


def test_burst_rate_counts_from_the_instant_to_the_last_arrival():
    arrivals = {post.key: [100.0 + 0.1 * index] for index, post in enumerate(POSTS, start=1)}
    assert lateness_figures(POSTS, arrivals, burst=True).per_second == pytest.approx(10, abs=0.01)
    assert lateness_figures(POSTS, arrivals, burst=False).per_second is None


def test_no_arrivals_give_figures_without_lateness():
    figures = lateness_figures(POSTS, {}, burst=True)
    assert (figures.lost, figures.p50_ms, figures.per_second) == (4, None, None)


@pytest.mark.parametrize(("part", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_percentile_is_a_measured_value(part: float, value: float):
    assert percentile([float(number) for number in range(1, 101)], part) == value


def test_medians_are_taken_per_figure():
    runs = [Figures(posts=4, p50_ms=p50, lost=lost, rates={"schedule": rate}) for p50, lost, rate in RUNS]
    middle = medians(runs)
    assert (middle.p50_ms, middle.lost, middle.rates["schedule"], middle.last_ms) == (2.0, 1, 20.0, None)


RUNS = [(1.0, 5, 30.0), (3.0, 0, 10.0), (2.0, 1, 20.0)]


def test_figure_missing_in_one_run_has_no_median():
    assert medians([Figures(posts=1, done_after_s=1.0), Figures(posts=1)]).done_after_s is None


def test_after_a_crash_a_post_in_doubt_is_not_lost_but_a_missing_one_is():
    figures = crash_figures(POSTS, {"a": [100.1], "b": [104.5]}, {"c"}, restarted=103.0)
    assert (figures.lost, figures.undecided, figures.done_after_s) == (1, 1, None)


def test_done_after_is_the_last_first_arrival_since_the_restart():
    arrivals = {"a": [100.1], "b": [104.5, 109.0], "c": [100.2], "d": [104.0]}
    figures = crash_figures(POSTS, arrivals, set(), restarted=103.0)
    assert (figures.lost, figures.twice, figures.undecided, figures.before_restart) == (0, 1, 0, 2)
    assert figures.done_after_s == pytest.approx(1.5)


def test_late_posts_that_waited_for_the_disk_are_counted():
    arrivals = {"a": [100.5], "b": [100.5 + 0.1], "c": [100.02], "d": [100.1]}
    posts = [Post("a", 100.0), Post("b", 100.5), Post("c", 100.0), Post("d", 100.0)]
    figures = with_disk(lateness_figures(posts, arrivals, burst=False), [Stall(99.0, 100.04), Stall(100.1, 100.4)])
    assert (figures.late, figures.late_by_disk) == (3, 1)
    assert with_disk(lateness_figures(posts, arrivals, burst=True), [Stall(99.0, 101.0)]).late_by_disk is None


def test_stalls_count_within_the_asked_time_only():
    stalls = [Stall(1.0, 2.0), Stall(3.0, 3.5)]
    assert held_seconds(stalls, 1.5, 3.25) == pytest.approx(0.75)
    assert (longest_seconds(stalls, 2.5, 4.0), longest_seconds(stalls, 4.0, 5.0)) == (0.5, 0.0)


def test_watch_writes_what_it_sees_and_ends(tmp_path: Path):
    watch = DiskWatch(tmp_path / "disk")
    try:
        wait_for("a page", (tmp_path / "disk" / "page").exists)
        assert all(stall.end > stall.start for stall in watch.stalls())
    finally:
        watch.close()
