"""The scale bench runs, here with few posts. Its figures need a million."""

import re

import pytest

from tests.bench import scale


def test_scale_bench_measures_calls_plans_and_sweeps(capsys: pytest.CaptureFixture[str]):
    assert scale.main(["--posts", "600", "--small", "200", "--blocks", "2", "--calls", "3"]) in (0, 1)
    said = capsys.readouterr().out
    for name in ("list, first page", "list, client", "status route", "dispatch"):
        assert re.search(rf"^{name} +[\d.]+ +[\d.]+ +[\d.]+ ", said, re.MULTILINE), name
    assert "pk_posts" in said
    swept = re.findall(r"^ +(\d+) +[\d.]+ +\d+ +[\d.]+ +\d+$", said, re.MULTILINE)
    assert [int(number) for number in swept] == [
        20,
        57,
        20,
        57,
    ]  # three posts of the large database were dispatched before


def test_interleaved_percentile_is_a_measured_value():
    from tests.bench.interleaved import percentile

    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 2.0, 3.0]
