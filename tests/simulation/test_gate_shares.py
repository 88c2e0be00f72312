"""Storms at one gate: every delivery is answered, every post is sent once, and every seat is given back."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.simulation import planted_gate
from tests.simulation.storm import play

SEEDS = 60
PARTS = {"duplicates", "withdrawn seats", "extra senders", "groups of several owners"}
BREAKS = {
    planted_gate.duplicates_are_sent_too: "not sent once",
    planted_gate.generations_have_many_places: "a post is twice in a group",
    planted_gate.withdrawn_deliveries_are_forgotten: "calls are not answered",
    planted_gate.returning_owners_lose_an_item: "calls are not answered",
    planted_gate.seats_are_kept: "seats are free",
}


def test_storms_of_owners_and_duplicates_lose_and_repeat_nothing():
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        storm = play(seed)
        assert not storm.broken, (seed, storm.broken)
        seen += storm.seen
    assert min(seen[part] for part in PARTS) > 20


@pytest.mark.parametrize("broken", BREAKS, ids=lambda one: one.__name__)
def test_each_break_of_the_shares_is_caught_in_a_storm(broken: Callable[[], AbstractContextManager[None]]):
    with broken():
        storms = (play(seed).broken for seed in range(SEEDS))
        assert any(BREAKS[broken] in text for found in storms for text in found)


def test_equal_storms_send_in_the_same_order():
    first, second = play(3), play(3)
    assert list(first.sends) == list(second.sends)
    assert first.seen == second.seen
