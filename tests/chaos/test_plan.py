"""The plan of a chaos run: the same for the same seed, with every fault in it, one of them in the burst."""

import pytest

from tests.chaos.authored_post import Wish
from tests.chaos.plan import Fault, Plan, make_plan

SEEDS = range(20)


def plans() -> list[Plan]:
    return [make_plan(30, 10, seed) for seed in SEEDS] + [make_plan(500, 60, seed) for seed in SEEDS]


def test_the_seed_is_all_there_is_to_it() -> None:
    assert make_plan(30, 10, 7) == make_plan(30, 10, 7)
    assert make_plan(30, 10, 7) != make_plan(30, 10, 8)


@pytest.mark.parametrize("plan", plans())
def test_every_fault_strikes_and_one_of_them_during_the_burst(plan: Plan) -> None:
    assert {strike.fault for strike in plan.strikes} == set(Fault)
    assert any(0 < strike.at < 5 for strike in plan.strikes)
    assert all(before.at < after.at for before, after in zip(plan.strikes, plan.strikes[1:], strict=False))
    assert plan.strikes[0].at > -plan.head_start


@pytest.mark.parametrize("plan", plans())
def test_no_two_posts_have_the_same_text_and_half_of_them_share_one_instant(plan: Plan) -> None:
    assert len({draft.text for draft in plan.drafts}) == len(plan.drafts)
    assert sum(draft.due == 0 for draft in plan.drafts) == len(plan.drafts) / 2


def test_authors_change_their_minds_in_every_way() -> None:
    drafts = make_plan(500, 60, 1).drafts
    ways = {tuple(change.wish for change in draft.changes) for draft in drafts}
    back_on = (Wish.UNSCHEDULE, Wish.SCHEDULE)
    assert ways == {(), (Wish.UNSCHEDULE,), (Wish.CANCEL,), (Wish.SCHEDULE,), back_on}
