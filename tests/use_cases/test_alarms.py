"""Alarms are armed after the commit, so no failure of the message service loses a post."""

from datetime import timedelta

import pytest

from app.alarms import armed_horizon, disarm
from app.domain.errors import Unavailable
from app.posts import schedule
from app.sweep.sweep import sweep
from tests.support.databases import record_statements, record_transactions
from tests.support.fakes import START
from tests.support.world import IN_TEN_MINUTES, USER, World

CODES = ("unreachable", "unauthorized", "quota_exceeded", "rate_limited", "beyond_horizon", "refused", "broken_answer")
LATER = IN_TEN_MINUTES + timedelta(hours=1)


def test_row_is_committed_before_any_message_is_sent(world: World):
    post = world.draft()
    seen = []
    world.messages.during_publish = lambda _alarm, _id: seen.append(world.read(post))
    world.schedule(post)
    assert [(p.status, p.generation, p.message_id, p.arm_count) for p in seen] == [("scheduled", 1, None, 1)]


def test_message_carries_generation_and_a_whole_second_before_the_instant(world: World):
    post = world.scheduled(IN_TEN_MINUTES + timedelta(milliseconds=700))
    (alarm,) = world.messages.published
    assert (alarm.post_id, alarm.user_id, alarm.generation, alarm.arm_count) == (post.id, USER, 1, 1)
    assert alarm.not_before == int(IN_TEN_MINUTES.timestamp()) - 1
    assert world.read(post).message_id == post.message_id == "msg_1"
    assert post.armed


@pytest.mark.parametrize("code", CODES)
def test_schedule_succeeds_unarmed_if_message_service_refuses(world: World, code: str):
    world.messages.publish_error = code
    done = world.schedule(world.draft())
    assert [warning for warning, _ in done.warnings] == ["not_armed"]
    assert not done.post.armed
    after = world.read(done.post)
    assert (after.status, after.message_id, after.next_attempt_at) == ("scheduled", None, IN_TEN_MINUTES)


@pytest.mark.parametrize("code", CODES)
def test_only_message_service_errors_that_need_an_operator_raise_an_alert(world: World, code: str):
    world.messages.publish_error = code
    world.scheduled()
    needs_operator = code in ("unreachable", "unauthorized", "quota_exceeded", "beyond_horizon")
    assert world.alerts() == ({f"message_service_{code}": "qstash"} if needs_operator else {})


@pytest.mark.parametrize("code", CODES)
def test_sweep_arms_post_after_message_service_refused_it(world: World, code: str):
    world.messages.publish_error = code
    post = world.scheduled()
    world.messages.publish_error = None
    world.clock.advance(minutes=5)
    assert sweep(world.deps).armed == 1
    assert world.read(post).message_id == "msg_1"
    assert [alarm.arm_count for alarm in world.messages.published] == [1, 2]


def test_lost_publish_answer_leads_to_two_messages_and_one_send(world: World):
    world.messages.error_after_publish = "unreachable"
    done = world.schedule(world.draft())
    assert [warning for warning, _ in done.warnings] == ["not_armed"]
    world.messages.error_after_publish = None
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert len(world.messages.pending) == 2
    world.at_due(done.post)
    answers = [world.dispatch(done.post, message_id=message).status for message in world.messages.pending]
    assert answers == ["dispatched", "ignored"]
    assert len(world.publisher.submissions) == 1


def test_reschedule_arms_new_message_and_cancels_old_one(world: World):
    post = world.scheduled()
    after = world.schedule(post, LATER).post
    assert (after.message_id, world.messages.cancelled) == ("msg_2", ["msg_1"])
    assert world.messages.pending.keys() == {"msg_2"}
    assert world.messages.pending["msg_2"].generation == 2


def test_reschedule_cancels_old_message_even_if_new_one_is_refused(world: World):
    post = world.scheduled()
    world.messages.publish_error = "quota_exceeded"
    after = world.schedule(post, LATER).post
    assert (after.armed, world.read(post).message_id) == (False, None)
    assert world.messages.cancelled == ["msg_1"]


def test_reschedule_publishes_new_message_before_cancelling_old_one(world: World):
    post = world.scheduled()
    cancelled_then = []
    world.messages.during_publish = lambda _alarm, _id: cancelled_then.append(list(world.messages.cancelled))
    world.schedule(post, LATER)
    assert cancelled_then == [[]]


@pytest.mark.parametrize("act", ["reschedule", "unschedule", "cancel"])
def test_schedule_overtaken_during_publish_cancels_its_own_message(world: World, act: str):
    post = world.draft()

    def overtake(_alarm, _id) -> None:
        world.messages.during_publish = None
        if act == "reschedule":
            world.schedule(post, LATER)
        else:
            getattr(schedule, act)(world.deps, USER, post.id)

    world.messages.during_publish = overtake
    world.schedule(post)
    after = world.read(post)
    assert after.message_id == ("msg_2" if act == "reschedule" else None)
    assert world.messages.pending.keys() == ({"msg_2"} if act == "reschedule" else set())


def test_message_delivered_before_publish_returns_is_sent_once(world: World):
    post = world.draft()
    world.messages.during_publish = lambda _alarm, message: world.dispatch(world.read(post), message_id=message)
    done = world.schedule(post, START)
    assert world.read(post).status == "publishing"
    assert len(world.publisher.submissions) == 1
    assert not done.post.armed
    assert world.messages.pending == {}


@pytest.mark.parametrize("bad_id", ["", ".", "a/b", "msg 1", "*"])
def test_unschedule_ignores_a_malformed_message_id(world: World, bad_id: str):
    post = world.scheduled()
    world.overwrite(post, message_id=bad_id)
    assert schedule.unschedule(world.deps, USER, post.id).status == "draft"
    assert world.messages.cancelled == []


def test_disarm_without_message_id_cancels_nothing(world: World):
    disarm(world.deps, None)
    assert world.messages.cancelled == []


@pytest.mark.parametrize("code", CODES)
def test_post_is_cancelled_even_if_message_cancel_fails(world: World, code: str):
    post = world.scheduled()
    world.messages.cancel_error = code
    assert schedule.cancel(world.deps, USER, post.id).status == "cancelled"


def test_post_beyond_the_horizon_is_parked_without_a_message(world: World):
    done = world.schedule(world.draft(), START + timedelta(days=30))
    assert [warning for warning, _ in done.warnings] == ["parked"]
    assert world.messages.published == []
    assert (done.post.status, done.post.armed) == ("scheduled", False)


def test_margin_of_a_very_short_horizon_is_a_tenth_of_it(world: World):
    world.set(qstash_max_delay_days=0.01)
    assert armed_horizon(world.deps) == START + timedelta(days=0.009)


@pytest.mark.parametrize(("off", "is_armed"), [(-1, True), (0, False)])
def test_horizon_is_the_plan_limit_minus_a_margin(world: World, off: int, is_armed: bool):
    horizon = armed_horizon(world.deps)
    assert horizon == START + timedelta(days=7) - timedelta(minutes=5)
    assert world.scheduled(horizon + timedelta(microseconds=off)).armed is is_armed


def test_sweep_arms_parked_post_within_the_horizon(world: World):
    post = world.scheduled(START + timedelta(days=30))
    world.clock.advance(days=22)
    assert sweep(world.deps).armed == 0
    world.clock.advance(days=2)
    assert sweep(world.deps).armed == 1
    assert world.read(post).armed


def test_poll_mode_arms_nothing_and_gives_no_warning(world: World):
    world.with_deps(messages=None)
    done = world.schedule(world.draft())
    assert done.warnings == []
    assert (done.post.status, done.post.armed) == ("scheduled", False)
    assert schedule.unschedule(world.deps, USER, done.post.id).status == "draft"


def test_reschedule_takes_five_statements_and_one_message(postgres_world: World):
    post = postgres_world.draft()
    postgres_world.schedule(post)
    engine = postgres_world.db.engine
    with record_statements(engine, "") as statements, record_transactions(engine) as begun:
        assert postgres_world.schedule(post, LATER).post.armed
    assert [len(statements), len(begun)] == [5, 0]
    assert len(postgres_world.messages.published) == 2


def test_unschedule_takes_two_statements(postgres_world: World):
    post = postgres_world.scheduled()
    engine = postgres_world.db.engine
    with record_statements(engine, "") as statements, record_transactions(engine) as begun:
        schedule.unschedule(postgres_world.deps, USER, post.id)
    assert [len(statements), len(begun)] == [2, 0]


def test_schedule_succeeds_even_if_its_alert_cannot_be_cleared(world: World, monkeypatch: pytest.MonkeyPatch):
    world.messages.publish_error = "unauthorized"
    world.scheduled()
    world.messages.publish_error = None

    def fail(*_: object) -> None:
        raise Unavailable()

    with monkeypatch.context() as patched:
        patched.setattr("app.store.operations.alerts.clear_kinds", fail)
        assert world.scheduled(content="Another").armed
    assert world.alerts()
    assert world.scheduled(content="A third").armed
    assert world.alerts() == {}
