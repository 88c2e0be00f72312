"""What an author may do when: every act in every status, and what each writes."""

from datetime import timedelta

import pytest

from app.domain.errors import Conflict, Invalid, NotFound, Refusal
from app.domain.post import Post
from app.posts import drafts, schedule
from tests.support.fakes import START
from tests.support.world import IN_TEN_MINUTES, USER, World

STATUSES = ("draft", "scheduled", "publishing", "expired", "failed", "published", "cancelled")
LATER = START + timedelta(days=1)
ACTS = {
    "schedule": lambda world, post: world.schedule(post, LATER).post,
    "unschedule": lambda world, post: schedule.unschedule(world.deps, USER, post.id),
    "cancel": lambda world, post: schedule.cancel(world.deps, USER, post.id),
    "edit": lambda world, post: drafts.edit_post(world.deps, USER, post.id, {"content": "new"}),
    "retry": lambda world, post: schedule.recover(world.deps, USER, post.id, "retry", False),
    "fail": lambda world, post: schedule.recover(world.deps, USER, post.id, "fail", False),
}
ANSWERS = {
    # act: draft, scheduled, publishing, publishing past its lease, failed, published, cancelled
    "schedule": "scheduled scheduled !in_flight !in_flight scheduled !already_published !already_cancelled",
    "unschedule": "draft draft !in_flight !in_flight !not_scheduled !already_published !already_cancelled",
    "cancel": "cancelled cancelled !in_flight !in_flight cancelled !already_published cancelled",
    "edit": "draft scheduled !in_flight !in_flight failed !already_published !already_cancelled",
    "retry": "!not_recoverable !not_recoverable !in_flight scheduled scheduled !not_recoverable !not_recoverable",
    "fail": "!not_recoverable !not_recoverable !in_flight failed failed !not_recoverable !not_recoverable",
}
TABLE = [
    (act, status, answer) for act, row in ANSWERS.items() for status, answer in zip(STATUSES, row.split(), strict=True)
]


def answer_of(world: World, act: str, post: Post) -> str:
    try:
        return str(ACTS[act](world, post).status)
    except Conflict as refusal:
        return f"!{refusal.code}"


@pytest.mark.parametrize(("act", "status", "expected"), TABLE)
def test_every_act_in_every_status_does_what_the_lifecycle_allows_or_says_why_not(
    world: World, act: str, status: str, expected: str
):
    post = world.in_status(status)
    before = world.everything()
    assert answer_of(world, act, post) == expected
    if expected.startswith("!"):
        assert world.everything() == before
    else:
        assert world.read(post).status == expected


@pytest.mark.parametrize("act", ACTS)
def test_another_users_post_is_as_absent_as_one_that_never_was(world: World, act: str):
    theirs = world.draft(user="user-2")
    before = world.everything()
    with pytest.raises(NotFound) as refused:
        ACTS[act](world, theirs) if act != "schedule" else schedule.schedule(
            world.deps, USER, theirs.id, LATER.isoformat(), None, 0
        )
    assert refused.value.code == "post_not_found"
    assert world.everything() == before


def test_scheduling_keeps_the_promise_the_zone_and_a_fresh_budget(world: World):
    post = world.draft()
    done = schedule.schedule(world.deps, USER, post.id, "2030-01-07T14:00:00", "Europe/Berlin", 0)
    now = world.read(post)
    assert now == done.post
    assert now.scheduled_at == now.next_attempt_at == START + timedelta(hours=1)
    assert (now.status, now.time_zone, now.generation, now.retry_count) == ("scheduled", "Europe/Berlin", 1, 0)
    assert now.social_account_id == world.account.id
    assert done.promise.local_time == "2030-01-07T14:00:00.000+01:00"
    assert done.warnings == []
    assert [(t.from_status, t.to_status, t.reason, t.actor) for t in world.transitions(post)] == [
        (None, "draft", "created", "user:user-1"),
        ("draft", "scheduled", "scheduled", "user:user-1"),
    ]


def test_an_ambiguous_wall_clock_is_said_to_be_one(world: World):
    done = schedule.schedule(world.deps, USER, world.draft().id, "2030-10-27T02:30:00", "Europe/Berlin", 1)
    assert [code for code, _ in done.warnings] == ["ambiguous_local_time", "parked"]
    assert done.promise.local_time == "2030-10-27T02:30:00.000+01:00"


def test_a_moment_ago_means_now(world: World):
    post = world.schedule(world.draft(), START - timedelta(seconds=59)).post
    assert post.scheduled_at == post.next_attempt_at == START


def test_a_reschedule_moves_the_promise_and_the_generation(world: World):
    post = world.scheduled()
    now = world.schedule(post, LATER).post
    assert (now.scheduled_at, now.next_attempt_at, now.generation) == (LATER, LATER, 2)
    assert world.reasons(post) == ["created", "scheduled", "rescheduled"]


def test_rescheduling_a_failed_post_gives_it_a_fresh_budget_and_forgets_the_error(world: World):
    post = world.failed()
    assert post.retry_count == 1
    now = world.schedule(post, LATER).post
    assert (now.retry_count, now.error_code, now.error_message, now.attempt) == (0, None, None, 1)
    assert now.generation == post.generation + 1


def test_an_unscheduled_post_promises_nothing_any_more(world: World):
    post = world.scheduled()
    now = schedule.unschedule(world.deps, USER, post.id)
    assert (now.status, now.scheduled_at, now.next_attempt_at, now.message_id) == ("draft", None, None, None)
    assert (now.time_zone, now.generation) == (None, 2)
    assert world.messages.pending == {}


def test_a_draft_is_unscheduled_already(world: World):
    post = world.draft()
    assert schedule.unschedule(world.deps, USER, post.id) == post
    assert world.reasons(post) == ["created"]


def test_a_cancelled_post_is_disarmed_and_cancelling_it_again_writes_nothing(world: World):
    post = world.scheduled()
    first = schedule.cancel(world.deps, USER, post.id)
    assert (first.status, first.next_attempt_at, first.generation) == ("cancelled", None, 2)
    assert world.messages.pending == {}
    assert schedule.cancel(world.deps, USER, post.id) == first
    assert world.reasons(post) == ["created", "scheduled", "cancelled"]


def test_an_edit_of_a_scheduled_post_keeps_its_time_its_generation_and_its_message(world: World):
    post = world.scheduled()
    edited = drafts.edit_post(world.deps, USER, post.id, {"content": "new"})
    assert edited.content == "new"
    for field in ("status", "scheduled_at", "next_attempt_at", "generation", "arm_count", "message_id"):
        assert getattr(edited, field) == getattr(world.read(post), field)
    assert (edited.generation, edited.message_id) == (1, "msg_1")
    assert len(world.messages.published) == 1


def test_an_edit_that_the_platform_would_refuse_is_refused_while_scheduled_and_nothing_is_written(world: World):
    post = world.scheduled()
    before = world.everything()
    with pytest.raises(Invalid) as refused:
        drafts.edit_post(world.deps, USER, post.id, {"content": "x" * 3001})
    assert refused.value.code == "platform_limits"
    assert [(e.field, e.code, e.limit, e.actual) for e in refused.value.errors] == [
        ("content", "text_too_long", 3000, 3001)
    ]
    assert world.everything() == before


def test_a_draft_may_be_longer_than_its_platform_takes_until_it_is_scheduled(world: World):
    post = world.draft(content="x" * 3001)
    with pytest.raises(Invalid, match="at most 3000"):
        world.schedule(post)
    assert world.read(post).status == "draft"
    assert world.messages.published == []


def test_an_edit_of_nothing_writes_nothing(world: World):
    post = world.scheduled()
    before = world.everything()
    assert drafts.edit_post(world.deps, USER, post.id, {}) == world.read(post)
    assert world.everything() == before


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ((START - timedelta(seconds=61)).isoformat(), "schedule_in_past"),
        ((START + timedelta(days=731)).isoformat(), "schedule_too_far"),
        ("2030-02-01T10:00:00", "timezone_required"),
        ("tomorrow", "invalid_time"),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused_before_anything_is_written(world: World, text: str, code: str):
    post = world.draft()
    before = world.everything()
    with pytest.raises(Refusal) as refused:
        schedule.schedule(world.deps, USER, post.id, text, None, 0)
    assert refused.value.code == code
    assert world.everything() == before


def test_a_change_that_loses_a_race_reads_again_and_decides_anew(world: World):
    post = world.scheduled()
    moved = []

    def change(tx, seen: Post) -> Post | None:
        moved.append(seen.generation)
        return None if len(moved) < schedule.CAS_TRIES else seen

    assert schedule.change_post(world.deps, USER, post.id, change) == (post, post)
    assert len(moved) == schedule.CAS_TRIES


def test_a_change_that_always_loses_says_so(world: World):
    post = world.scheduled()
    with pytest.raises(Conflict) as refused:
        schedule.change_post(world.deps, USER, post.id, lambda _tx, _post: None)
    assert refused.value.code == "changed_meanwhile"


def test_the_promise_survives_a_retry_and_a_retry_by_hand(world: World):
    post = world.failed()
    world.clock.advance(hours=2)
    again = schedule.recover(world.deps, USER, post.id, "retry", False)
    assert (again.scheduled_at, again.next_attempt_at) == (IN_TEN_MINUTES, IN_TEN_MINUTES + timedelta(hours=2))


def test_an_image_is_media_enough_for_a_platform_that_wants_some(world: World):
    world.connect("instagram", "instagram-page")
    post = world.draft(platform="instagram", media=[], image_url="https://example.com/a.jpg")
    assert world.schedule(post).post.status == "scheduled"
