"""Authors' actions: every action in every status, and the values it stores."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.domain.errors import Conflict, Invalid, NotFound, Refusal
from app.domain.post import Post
from app.posts import changes, drafts, recover, schedule
from app.store.engine import Connection
from app.store.posts import transitions
from app.store.retried_writes import RACE_TRIES
from tests.support.fakes import START
from tests.support.world import IN_TEN_MINUTES, USER, World

STATUSES = ("draft", "scheduled", "publishing", "expired", "failed", "published", "cancelled")
LATER = START + timedelta(days=1)
ACTIONS = {
    "schedule": lambda world, post: world.schedule(post, LATER).post,
    "unschedule": lambda world, post: schedule.unschedule(world.deps, USER, post.id),
    "cancel": lambda world, post: schedule.cancel(world.deps, USER, post.id),
    "edit": lambda world, post: drafts.edit_post(world.deps, USER, post.id, {"content": "new"}),
    "retry": lambda world, post: recover.recover(world.deps, USER, post.id, "retry", False),
    "fail": lambda world, post: recover.recover(world.deps, USER, post.id, "fail", False),
}
ANSWERS = {
    # action: draft, scheduled, publishing, publishing past its lease, failed, published, cancelled
    "schedule": "scheduled scheduled !in_flight !in_flight scheduled !already_published !already_cancelled",
    "unschedule": "draft draft !in_flight !in_flight !not_scheduled !already_published !already_cancelled",
    "cancel": "cancelled cancelled !in_flight !in_flight cancelled !already_published cancelled",
    "edit": "draft scheduled !in_flight !in_flight failed !already_published !already_cancelled",
    "retry": "!not_recoverable !not_recoverable !in_flight scheduled scheduled !not_recoverable !not_recoverable",
    "fail": "!not_recoverable !not_recoverable !in_flight failed failed !not_recoverable !not_recoverable",
}
TABLE = [
    (action, status, answer)
    for action, row in ANSWERS.items()
    for status, answer in zip(STATUSES, row.split(), strict=True)
]


def answer_of(world: World, action: str, post: Post) -> str:
    try:
        return str(ACTIONS[action](world, post).status)
    except Conflict as refusal:
        return f"!{refusal.code}"


@pytest.mark.parametrize(("action", "status", "expected"), TABLE)
def test_every_action_in_every_status_follows_the_lifecycle_or_is_refused(
    world: World, action: str, status: str, expected: str
):
    post = world.in_status(status)
    before = world.all_post_rows()
    assert answer_of(world, action, post) == expected
    if expected.startswith("!"):
        assert world.all_post_rows() == before
    else:
        assert world.read(post).status == expected


@pytest.mark.parametrize("action", ACTIONS)
def test_another_users_post_is_not_found(world: World, action: str):
    theirs = world.draft(user="user-2")
    before = world.all_post_rows()
    with pytest.raises(NotFound) as refused:
        ACTIONS[action](world, theirs) if action != "schedule" else schedule.schedule(
            world.deps, USER, theirs.id, LATER.isoformat(), None, 0
        )
    assert refused.value.code == "post_not_found"
    assert world.all_post_rows() == before


def test_schedule_stores_time_zone_and_a_full_retry_budget(world: World):
    post = world.draft()
    done = schedule.schedule(world.deps, USER, post.id, "2030-01-07T14:00:00", "Europe/Berlin", 0)
    after = world.read(post)
    assert after == done.post
    assert after.scheduled_at == after.next_attempt_at == START + timedelta(hours=1)
    assert (after.status, after.time_zone, after.generation, after.retry_count) == ("scheduled", "Europe/Berlin", 1, 0)
    assert after.social_account_id == world.account.id
    assert done.chosen.local_time == "2030-01-07T14:00:00.000+01:00"
    assert done.warnings == []
    assert [(t.from_status, t.to_status, t.reason, t.actor) for t in world.transitions(post)] == [
        (None, "draft", "created", "user:user-1"),
        ("draft", "scheduled", "scheduled", "user:user-1"),
    ]


def test_ambiguous_local_time_gives_a_warning(world: World):
    done = schedule.schedule(world.deps, USER, world.draft().id, "2030-10-27T02:30:00", "Europe/Berlin", 1)
    assert [code for code, _ in done.warnings] == ["ambiguous_local_time", "parked"]
    assert done.chosen.local_time == "2030-10-27T02:30:00.000+01:00"


def test_time_less_than_a_minute_ago_means_now(world: World):
    post = world.schedule(world.draft(), START - timedelta(seconds=59)).post
    assert post.scheduled_at == post.next_attempt_at == START


def test_reschedule_changes_scheduled_time_and_generation(world: World):
    post = world.scheduled()
    after = world.schedule(post, LATER).post
    assert (after.scheduled_at, after.next_attempt_at, after.generation) == (LATER, LATER, 2)
    assert world.reasons(post) == ["created", "scheduled", "rescheduled"]


def test_reschedule_of_a_failed_post_resets_retries_and_error(world: World):
    post = world.failed()
    assert post.retry_count == 1
    after = world.schedule(post, LATER).post
    assert (after.retry_count, after.error_code, after.error_message, after.attempt) == (0, None, None, 1)
    assert after.generation == post.generation + 1


def test_unscheduled_post_has_no_time_and_no_message(world: World):
    post = world.scheduled()
    after = schedule.unschedule(world.deps, USER, post.id)
    assert (after.status, after.scheduled_at, after.next_attempt_at, after.message_id) == ("draft", None, None, None)
    assert (after.time_zone, after.generation) == (None, 2)
    assert world.messages.pending == {}


def test_unschedule_of_a_draft_changes_nothing(world: World):
    post = world.draft()
    assert schedule.unschedule(world.deps, USER, post.id) == post
    assert world.reasons(post) == ["created"]


def test_cancel_disarms_the_post_and_a_second_cancel_writes_nothing(world: World):
    post = world.scheduled()
    first = schedule.cancel(world.deps, USER, post.id)
    assert (first.status, first.next_attempt_at, first.generation) == ("cancelled", None, 2)
    assert world.messages.pending == {}
    assert schedule.cancel(world.deps, USER, post.id) == first
    assert world.reasons(post) == ["created", "scheduled", "cancelled"]


def test_edit_of_a_scheduled_post_keeps_time_generation_and_message(world: World):
    post = world.scheduled()
    edited = drafts.edit_post(world.deps, USER, post.id, {"content": "new"})
    assert edited.content == "new"
    for field in ("status", "scheduled_at", "next_attempt_at", "generation", "arm_count", "message_id"):
        assert getattr(edited, field) == getattr(world.read(post), field)
    assert (edited.generation, edited.message_id) == (1, "msg_1")
    assert len(world.messages.published) == 1


def test_edit_of_a_scheduled_post_over_platform_limits_is_refused(world: World):
    post = world.scheduled()
    before = world.all_post_rows()
    with pytest.raises(Invalid) as refused:
        drafts.edit_post(world.deps, USER, post.id, {"content": "x" * 3001})
    assert refused.value.code == "platform_limits"
    assert [(e.field, e.code, e.limit, e.actual) for e in refused.value.errors] == [
        ("content", "text_too_long", 3000, 3001)
    ]
    assert world.all_post_rows() == before


def test_draft_over_platform_limits_is_refused_only_when_scheduled(world: World):
    post = world.draft(content="x" * 3001)
    with pytest.raises(Invalid, match="at most 3000"):
        world.schedule(post)
    assert world.read(post).status == "draft"
    assert world.messages.published == []


def test_edit_without_values_writes_nothing(world: World):
    post = world.scheduled()
    before = world.all_post_rows()
    assert drafts.edit_post(world.deps, USER, post.id, {}) == world.read(post)
    assert world.all_post_rows() == before


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ((START - timedelta(seconds=61)).isoformat(), "schedule_in_past"),
        ((START + timedelta(days=731)).isoformat(), "schedule_too_far"),
        ("2030-02-01T10:00:00", "timezone_required"),
        ("tomorrow", "invalid_time"),
    ],
)
def test_invalid_schedule_time_is_refused_and_writes_nothing(world: World, text: str, code: str):
    post = world.draft()
    before = world.all_post_rows()
    with pytest.raises(Refusal) as refused:
        schedule.schedule(world.deps, USER, post.id, text, None, 0)
    assert refused.value.code == code
    assert world.all_post_rows() == before


def test_change_that_loses_a_race_reads_again_and_retries(world: World):
    post = world.scheduled()
    moved = []

    def change(tx, seen: Post) -> Post | None:
        moved.append(seen.generation)
        return None if len(moved) < RACE_TRIES else seen

    assert changes.change_post(world.deps, USER, post.id, change) == (post, post)
    assert len(moved) == RACE_TRIES


def test_change_that_loses_every_race_answers_changed_meanwhile(world: World):
    post = world.scheduled()
    with pytest.raises(Conflict) as refused:
        changes.change_post(world.deps, USER, post.id, lambda _tx, _post: None)
    assert refused.value.code == "changed_meanwhile"


def test_scheduled_time_survives_a_manual_retry(world: World):
    post = world.failed()
    world.clock.advance(hours=2)
    again = recover.recover(world.deps, USER, post.id, "retry", False)
    assert (again.scheduled_at, again.next_attempt_at) == (IN_TEN_MINUTES, IN_TEN_MINUTES + timedelta(hours=2))


def test_image_url_satisfies_a_platform_that_requires_media(world: World):
    world.connect("instagram", "instagram-page")
    post = world.draft(platform="instagram", media=[], image_url="https://example.com/a.jpg")
    assert world.schedule(post).post.status == "scheduled"


STALE_ORDERS: dict[str, Callable[[Connection, Post], Post | None]] = {
    "schedule": lambda tx, post: transitions.schedule(
        tx, post, at=IN_TEN_MINUTES, time_zone=None, account_id=str(post.social_account_id), now=START, actor="u"
    ),
    "retry": lambda tx, post: transitions.retry_by_hand(tx, post, now=START, actor="u"),
    "edit": lambda tx, post: transitions.edit(tx, post, {"media": []}, now=START),
}


@pytest.mark.parametrize("order", STALE_ORDERS)
def test_order_on_a_text_edited_since_it_was_checked_changes_nothing(world: World, order: str):
    post = world.failed()
    drafts.edit_post(world.deps, USER, post.id, {"content": "x" * 3001})
    edited = world.read(post)
    with world.db.transaction() as tx:
        assert STALE_ORDERS[order](tx, post) is None
    assert world.read(post) == edited
