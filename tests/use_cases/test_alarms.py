"""Commit, then arm: the row is the outbox, and no failure of the message service costs a post."""

from datetime import timedelta

import pytest

from app.alarms import armed_horizon, disarm
from app.domain.errors import Unavailable
from app.posts import schedule
from app.sweep.sweep import sweep
from tests.support.databases import counted, transactions
from tests.support.fakes import START
from tests.support.world import IN_TEN_MINUTES, USER, World

CODES = ("unreachable", "unauthorized", "quota_exceeded", "rate_limited", "beyond_horizon", "refused", "broken_answer")
LATER = IN_TEN_MINUTES + timedelta(hours=1)


def test_the_row_is_committed_before_any_message_is_sent(world: World):
    post = world.draft()
    seen = []
    world.messages.during_publish = lambda _alarm, _id: seen.append(world.read(post))
    world.schedule(post)
    assert [(p.status, p.generation, p.message_id, p.arm_count) for p in seen] == [("scheduled", 1, None, 1)]


def test_a_message_carries_the_intent_and_a_whole_second_ahead_of_the_instant(world: World):
    post = world.scheduled(IN_TEN_MINUTES + timedelta(milliseconds=700))
    (alarm,) = world.messages.published
    assert (alarm.post_id, alarm.user_id, alarm.generation, alarm.arm_count) == (post.id, USER, 1, 1)
    assert alarm.not_before == int(IN_TEN_MINUTES.timestamp()) - 1
    assert world.read(post).message_id == post.message_id == "msg_1"
    assert post.armed


@pytest.mark.parametrize("code", CODES)
def test_a_message_service_that_refuses_is_no_error_the_row_is_committed_unarmed(world: World, code: str):
    world.messages.refusing = code
    done = world.schedule(world.draft())
    assert [warning for warning, _ in done.warnings] == ["not_armed"]
    assert not done.post.armed
    now = world.read(done.post)
    assert (now.status, now.message_id, now.next_attempt_at) == ("scheduled", None, IN_TEN_MINUTES)


@pytest.mark.parametrize("code", CODES)
def test_refusals_that_an_operator_must_act_on_raise_an_alert_and_others_do_not(world: World, code: str):
    world.messages.refusing = code
    world.scheduled()
    loud = code in ("unauthorized", "quota_exceeded", "beyond_horizon")
    assert world.alerts() == ({f"message_service_{code}": "qstash"} if loud else {})


@pytest.mark.parametrize("code", CODES)
def test_the_sweep_arms_later_what_was_refused(world: World, code: str):
    world.messages.refusing = code
    post = world.scheduled()
    world.messages.refusing = None
    world.clock.advance(minutes=5)
    assert sweep(world.deps).armed == 1
    assert world.read(post).message_id == "msg_1"
    assert [alarm.arm_count for alarm in world.messages.published] == [1, 2]


def test_an_answer_lost_after_the_message_was_taken_costs_nothing_and_sends_once(world: World):
    world.messages.losing_answers = "unreachable"
    done = world.schedule(world.draft())
    assert [warning for warning, _ in done.warnings] == ["not_armed"]
    world.messages.losing_answers = None
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert len(world.messages.pending) == 2
    world.at_due(done.post)
    answers = [world.dispatch(done.post, message_id=message).status for message in world.messages.pending]
    assert answers == ["dispatched", "ignored"]
    assert len(world.publisher.submissions) == 1


def test_a_reschedule_arms_the_new_message_and_disarms_the_old(world: World):
    post = world.scheduled()
    now = world.schedule(post, LATER).post
    assert (now.message_id, world.messages.cancelled) == ("msg_2", ["msg_1"])
    assert world.messages.pending.keys() == {"msg_2"}
    assert world.messages.pending["msg_2"].generation == 2


def test_a_reschedule_that_cannot_be_armed_disarms_the_old_message_all_the_same(world: World):
    post = world.scheduled()
    world.messages.refusing = "quota_exceeded"
    now = world.schedule(post, LATER).post
    assert (now.armed, world.read(post).message_id) == (False, None)
    assert world.messages.cancelled == ["msg_1"]


def test_the_new_message_is_out_before_the_old_one_is_cancelled(world: World):
    post = world.scheduled()
    cancelled_then = []
    world.messages.during_publish = lambda _alarm, _id: cancelled_then.append(list(world.messages.cancelled))
    world.schedule(post, LATER)
    assert cancelled_then == [[]]


@pytest.mark.parametrize("act", ["reschedule", "unschedule", "cancel"])
def test_a_schedule_overtaken_before_its_answer_stores_no_id_and_cancels_its_own_message(world: World, act: str):
    post = world.draft()

    def overtake(_alarm, _id) -> None:
        world.messages.during_publish = None
        if act == "reschedule":
            world.schedule(post, LATER)
        else:
            getattr(schedule, act)(world.deps, USER, post.id)

    world.messages.during_publish = overtake
    world.schedule(post)
    now = world.read(post)
    assert now.message_id == ("msg_2" if act == "reschedule" else None)
    assert world.messages.pending.keys() == ({"msg_2"} if act == "reschedule" else set())


def test_a_message_that_arrives_before_its_publish_is_answered_is_no_trouble(world: World):
    post = world.draft()
    world.messages.during_publish = lambda _alarm, message: world.dispatch(world.read(post), message_id=message)
    done = world.schedule(post, START)
    assert world.read(post).status == "publishing"
    assert len(world.publisher.submissions) == 1
    assert not done.post.armed
    assert world.messages.pending == {}


@pytest.mark.parametrize("bad_id", ["", ".", "a/b", "msg 1", "*"])
def test_an_id_that_is_none_is_not_cancelled_and_in_nobodys_way(world: World, bad_id: str):
    post = world.scheduled()
    world.overwrite(post, message_id=bad_id)
    assert schedule.unschedule(world.deps, USER, post.id).status == "draft"
    assert world.messages.cancelled == []


def test_without_an_id_nothing_is_cancelled(world: World):
    disarm(world.deps, None)
    assert world.messages.cancelled == []


@pytest.mark.parametrize("code", CODES)
def test_a_cancel_that_fails_is_in_nobodys_way(world: World, code: str):
    post = world.scheduled()
    world.messages.cancelling_fails = code
    assert schedule.cancel(world.deps, USER, post.id).status == "cancelled"


def test_a_post_beyond_the_horizon_is_parked_and_not_handed_over(world: World):
    done = world.schedule(world.draft(), START + timedelta(days=30))
    assert [warning for warning, _ in done.warnings] == ["parked"]
    assert world.messages.published == []
    assert (done.post.status, done.post.armed) == ("scheduled", False)


def test_the_margin_of_a_very_short_horizon_is_a_tenth_of_it(world: World):
    world.set(qstash_max_delay_days=0.01)
    assert armed_horizon(world.deps) == START + timedelta(days=0.009)


@pytest.mark.parametrize(("off", "is_armed"), [(-1, True), (0, False)])
def test_the_horizon_is_the_plans_less_a_margin(world: World, off: int, is_armed: bool):
    horizon = armed_horizon(world.deps)
    assert horizon == START + timedelta(days=7) - timedelta(minutes=5)
    assert world.scheduled(horizon + timedelta(microseconds=off)).armed is is_armed


def test_a_parked_post_is_armed_by_the_sweep_once_it_is_within_the_horizon(world: World):
    post = world.scheduled(START + timedelta(days=30))
    world.clock.advance(days=22)
    assert sweep(world.deps).armed == 0
    world.clock.advance(days=2)
    assert sweep(world.deps).armed == 1
    assert world.read(post).armed


def test_in_poll_mode_nothing_is_armed_and_nobody_is_warned(world: World):
    world.with_deps(messages=None)
    done = world.schedule(world.draft())
    assert done.warnings == []
    assert (done.post.status, done.post.armed) == ("scheduled", False)
    assert schedule.unschedule(world.deps, USER, done.post.id).status == "draft"


def test_to_schedule_asks_the_database_four_times_and_the_message_service_once(postgres_world: World):
    post = postgres_world.draft()
    postgres_world.schedule(post)
    engine = postgres_world.db.engine
    with counted(engine, "") as statements, transactions(engine) as begun:
        assert postgres_world.schedule(post, LATER).post.armed
    assert [len(statements), len(begun)] == [4, 0]
    assert len(postgres_world.messages.published) == 2


def test_to_unschedule_asks_the_database_twice(postgres_world: World):
    post = postgres_world.scheduled()
    engine = postgres_world.db.engine
    with counted(engine, "") as statements, transactions(engine) as begun:
        schedule.unschedule(postgres_world.deps, USER, post.id)
    assert [len(statements), len(begun)] == [2, 0]


def test_an_alert_that_cannot_be_ended_is_not_in_the_way_of_the_answer(world: World, monkeypatch: pytest.MonkeyPatch):
    world.messages.refusing = "unauthorized"
    world.scheduled()
    world.messages.refusing = None

    def away(*_: object) -> None:
        raise Unavailable()

    with monkeypatch.context() as broken:
        broken.setattr("app.store.operations.alerts.clear_kinds", away)
        assert world.scheduled(content="Another").armed
    assert world.alerts()
    assert world.scheduled(content="A third").armed
    assert world.alerts() == {}
