"""The fair queue, without a gate: owners take turns, and no item is lost when an owner returns."""

import random

from app.domain.fairness import FairQueue, in_fair_order


def filled(text: str) -> FairQueue[str]:
    """Return a queue of items such as a1, each by its owner's letter."""
    queue = FairQueue[str]()
    for key, item in enumerate(text.split()):
        queue.put(item[0], item, key)
    return queue


def test_owners_take_turns_and_keep_their_own_order():
    assert filled("a1 a2 a3 b1 c1 b2").take(9) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert in_fair_order(["a1", "a2", "b1"], lambda item: item[0]) == ["a1", "b1", "a2"]


def test_smaller_key_goes_first_within_a_round():
    queue = FairQueue[str]()
    for owner, key in (("a", 3), ("b", 2), ("c", 1)):
        queue.put(owner, owner, key)
    assert queue.take(2) == ["c", "b"]
    assert (len(queue), queue.owners()) == (1, ["a"])


def test_new_owner_joins_the_current_round_and_a_returning_one_the_next():
    queue = filled("a1 a2 a3 b1")
    assert queue.take(2) == ["a1", "b1"]
    queue.put("c", "c1", 9)
    queue.put("b", "b2", 10)
    assert queue.take(9) == ["a2", "c1", "b2", "a3"]


def test_one_each_takes_the_first_items_of_the_chosen_owners_alone():
    queue = filled("a1 a2 b1 b2 c1")
    assert queue.take_one_each(9, {"a", "c", "d"}) == ["a1", "c1"]
    assert queue.take_one_each(1, {"a", "b"}) == ["b1"]
    assert queue.take(9) == ["a2", "b2"]


def test_cleared_queue_returns_all_items_and_begins_again():
    queue = filled("a1 a2 b1")
    queue.take(1)
    assert sorted(queue.clear()) == ["a2", "b1"]
    assert (len(queue), queue.take(9), queue.owners()) == (0, [], [])
    queue.put("a", "a3", 1)
    queue.put("b", "b2", 0)
    assert queue.take(9) == ["b2", "a3"]


def test_every_item_comes_out_once_in_any_order_of_calls():
    for seed in range(200):
        rng = random.Random(seed)
        queue, put, taken = FairQueue[int](), [], list[int]()
        for number in range(60):
            if rng.random() < 0.6:
                put.append(number)
                queue.put(rng.choice("abc"), number, number)
            elif rng.random() < 0.5:
                taken += queue.take(rng.randint(0, 4))
            else:
                taken += queue.take_one_each(rng.randint(0, 3), rng.sample("abc", 2))
        assert len(queue) == len(put) - len(taken)
        assert sorted(taken + queue.take(99)) == put
