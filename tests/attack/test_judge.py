"""The judge and the report of the attacks."""

import json
import math
from pathlib import Path

import pytest

from tests.attack.attacks import ATTACKS
from tests.attack.attacks.attack import Kind
from tests.attack.judge import Lateness, judge, lateness_of, limit_ms, median_of
from tests.attack.report import table, write
from tests.attack.run import Sizes, deal, findings, make_rounds
from tests.attack.target import Target
from tests.bench.disk_watch import Stall
from tests.bench.ledger import Post

DID = {"200": 3}


def lateness(p99: float, missing: int = 0, twice: int = 0, early: int = 0) -> Lateness:
    return Lateness(posts=100, p50=1.0, p99=p99, most=p99, missing=missing, twice=twice, early=early)


@pytest.mark.parametrize(
    ("kind", "alone", "beside", "passed"),
    [
        ("slow", 10.0, 20.0, True),
        ("slow", 10.0, 20.1, False),
        ("slow", 1.0, 6.0, True),  # the floor
        ("slow", 1.0, 6.1, False),
        ("other", 10.0, 60.0, True),
        ("other", 10.0, 60.1, False),
        ("other", 10.0, math.inf, False),
    ],
)
def test_p99_beside_an_attack_is_judged_against_alone(kind: Kind, alone: float, beside: float, passed: bool):
    assert judge("x", kind, lateness(alone), lateness(beside), DID).passed is passed


@pytest.mark.parametrize("fault", [{"missing": 1}, {"twice": 1}, {"early": 1}])
def test_missing_repeated_or_early_post_fails_at_any_lateness(fault: dict[str, int]):
    assert not judge("x", "other", lateness(1.0), lateness(1.0, **fault), DID).passed


def test_attack_that_did_nothing_fails():
    assert judge("x", "other", lateness(1.0), lateness(1.0), {}).problems == ["the attack did nothing"]


def test_missing_post_counts_as_infinitely_late():
    posts = [Post("a", 10.0), Post("b", 20.0), Post("c", 30.0)]
    found = lateness_of(posts, {"a": [10.004], "b": [20.002, 20.5]})
    assert round(found.p50, 3) == 4.0
    assert (found.posts, found.p99, found.most) == (3, math.inf, math.inf)
    assert (found.missing, found.twice, found.early) == (1, 1, 0)
    assert lateness_of(posts, {"a": [9.9], "b": [20.0], "c": [30.0]}).early == 1


def test_one_spoiled_round_alone_raises_no_limit():
    rounds = [lateness(3.0), lateness(4.0), lateness(math.inf, missing=5)]
    assert limit_ms("other", median_of(rounds)) == 54.0


def test_each_post_is_counted_in_its_own_part_of_its_round():
    names = ["heads", "instant"]
    pairs = [(ATTACKS[name](), Target("http://127.0.0.1:1", {}, name)) for name in names]
    rounds = make_rounds(pairs, Sizes(beside=3, alone=2, every=0.1, rest=5.0), start=1_000.0)
    instants = [due for one in rounds for due in (*one.alone, *one.beside)]
    dealt = deal([[f"{user}{number}" for number in range(4)] for user in "abc"], instants)
    assert [len(posts) for posts in dealt] == [4, 3, 3]
    posts = [post for of_user in dealt for post in of_user]
    assert sorted(post.due for post in posts) == sorted(instants)
    assert len({post.key for post in posts}) == 10
    pairs[0][1].tally.add("held", 40)
    late = set(rounds[1].beside)
    arrivals = {post.key: [post.due + (0.2 if post.due in late else 0.001)] for post in posts}
    start = rounds[1].beside[1]
    found = findings(rounds, posts, arrivals, [Stall(start, start + 0.25)])
    assert found.disk_ms == pytest.approx([0.0, 250.0])
    assert [verdict.beside.posts for verdict in found.verdicts] == [3, 3]
    assert [each.posts for each in found.alone] == [2, 2]
    assert [list(verdict.problems) for verdict in found.verdicts] == [[], ["the attack did nothing", "late"]]


def test_report_names_each_attack_its_verdict_and_what_it_did(tmp_path: Path):
    good = judge("first", "slow", lateness(2.0), lateness(3.0), {"held": 40})
    bad = judge("second", "other", lateness(2.0), lateness(math.inf, missing=2), {"200": 1_000})
    text = table([good, bad], [lateness(1.5), lateness(9.0)], [0.0, 31.0])
    lines = text.splitlines()
    assert lines[1].split() == [
        "first",
        "100",
        "1.0",
        "2.0",
        "2.0",
        "1.0",
        "3.0",
        "3.0",
        "1.5×",
        "1.0",
        "7.0",
        "0.0",
        "ok",
    ]
    assert lines[2].split()[-4:] == ["31.0", "2", "missing,", "late"]
    assert "P99 of the rounds alone was 1.5 to 9.0: on a busy machine a verdict is noise." in lines
    assert "first: 40 × held" in lines
    assert "second: 1,000 × 200" in lines
    assert lines[-1] == "1 of 2 attacks made posts late."
    assert table([good], [lateness(2.0)], [0.0]).splitlines()[-1] == "No attack made a post late."
    write(tmp_path / "out", text, [good, bad], [lateness(2.0)], [0.0, 31.0])
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [attack["beside"]["p99"] for attack in found["attacks"]] == [3.0, None]
    assert (tmp_path / "out" / "table.txt").read_text() == text


def test_breakers_attack_is_the_last():
    assert list(ATTACKS)[-1] == "breaker"  # an open breaker holds the posts of later rounds
