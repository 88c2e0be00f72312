"""The chaos plan: equal for equal seeds, with every kind of fault, one of them in the burst."""

import pytest

from tests.chaos.authored_post import Action
from tests.chaos.plan import Fault, Plan, make_plan

SEEDS = range(20)


def plans() -> list[Plan]:
    return [make_plan(30, 10, seed) for seed in SEEDS] + [make_plan(500, 60, seed) for seed in SEEDS]


def test_equal_seeds_give_equal_plans() -> None:
    assert make_plan(30, 10, 7) == make_plan(30, 10, 7)
    assert make_plan(30, 10, 7) != make_plan(30, 10, 8)


@pytest.mark.parametrize("plan", plans())
def test_plan_has_every_fault_and_one_during_the_burst(plan: Plan) -> None:
    assert {planned.fault for planned in plan.faults} == set(Fault)
    assert any(0 < planned.at < 5 for planned in plan.faults)
    assert all(before.at < after.at for before, after in zip(plan.faults, plan.faults[1:], strict=False))
    assert plan.faults[0].at > -plan.head_start


@pytest.mark.parametrize("plan", plans())
def test_texts_are_unique_and_half_of_the_posts_share_one_instant(plan: Plan) -> None:
    assert len({draft.text for draft in plan.drafts}) == len(plan.drafts)
    assert sum(draft.due == 0 for draft in plan.drafts) == len(plan.drafts) / 2


def test_plan_has_every_kind_of_change() -> None:
    drafts = make_plan(500, 60, 1).drafts
    ways = {tuple(change.action for change in draft.changes) for draft in drafts}
    resumed = (Action.UNSCHEDULE, Action.SCHEDULE)
    assert ways == {(), (Action.UNSCHEDULE,), (Action.CANCEL,), (Action.SCHEDULE,), resumed}
