"""Texts of refusals, word for word because clients show them: the cause and the cure."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.accounts import remove_account
from app.delivery.report import apply_report, grant_execution_claim
from app.domain.errors import FieldError, Refusal
from app.domain.outcomes import Report
from app.posts import changes, recover, schedule
from tests.support.world import USER, World

UNKNOWN_POST_ID = "00000000-0000-4000-8000-000000000000"

Act = Callable[[World], Any]


def recover_post(world: World, status: str, action: recover.Action = "retry") -> Any:
    return recover.recover(world.deps, USER, world.in_status(status).id, action, False)


def change_that_always_loses(world: World) -> Any:
    return changes.change_post(world.deps, USER, world.scheduled().id, lambda _tx, _post: None)


def report_that_always_loses(world: World) -> Any:
    post = world.in_flight()
    for _ in range(5):
        world.at_next_transaction(lambda: world.overwrite(post, generation=world.read(post).generation + 1))
    return apply_report(world.deps, Report(post.id, False, http_status=400))


def schedule_after_account_removal(world: World) -> Any:
    other = world.connect(external_id="urn:li:person:2")
    post = world.draft(social_account_id=other.id)
    remove_account(world.deps, USER, other.id)
    return world.schedule(post)


def schedule_with_two_accounts(world: World) -> Any:
    world.connect(external_id="urn:li:person:2")
    return world.schedule(world.draft())


def schedule_post_that_may_be_out(world: World) -> Any:
    world.set(unknown_outcome_policy="hold")
    post = world.expired()
    recover.recover(world.deps, USER, post.id, "fail", False)
    return world.schedule(world.read(post))


REFUSED: list[tuple[str, str, Act]] = [
    ("post_not_found", "There is no such post.", lambda w: schedule.cancel(w.deps, USER, UNKNOWN_POST_ID)),
    ("post_not_found", "There is no such post.", lambda w: apply_report(w.deps, Report(UNKNOWN_POST_ID, True))),
    (
        "in_flight",
        "The post is going out right now and can no longer be changed.",
        lambda w: schedule.cancel(w.deps, USER, w.in_flight().id),
    ),
    (
        "already_published",
        "The post is published, which is final.",
        lambda w: schedule.unschedule(w.deps, USER, w.published().id),
    ),
    (
        "already_cancelled",
        "The post is cancelled, which is final.",
        lambda w: schedule.unschedule(w.deps, USER, w.cancelled().id),
    ),
    (
        "not_scheduled",
        "The post is failed, not scheduled.",
        lambda w: schedule.unschedule(w.deps, USER, w.failed().id),
    ),
    (
        "in_flight",
        "The post is going out right now. Wait for its outcome.",
        lambda w: recover_post(w, "publishing"),
    ),
    (
        "not_recoverable",
        "Only failed posts and stuck ones can be recovered. This one is draft.",
        lambda w: recover_post(w, "draft"),
    ),
    (
        "force_required",
        "We cannot tell whether this post went out. Look at the account before you send it again. "
        "Then try again with force: true.",
        schedule_post_that_may_be_out,
    ),
    (
        "account_ambiguous",
        "You have 2 linkedin accounts: say which one in socialAccountId.",
        schedule_with_two_accounts,
    ),
    (
        "account_missing",
        "Connect a facebook account first.",
        lambda w: w.schedule(w.draft(platform="facebook")),
    ),
    (
        "account_missing",
        "The account of this post is gone. Give the post another one with PATCH and socialAccountId.",
        schedule_after_account_removal,
    ),
    (
        "changed_meanwhile",
        "The post kept changing while this was tried. Look at it and try again.",
        change_that_always_loses,
    ),
    (
        "changed_meanwhile",
        "The post kept changing while this was applied. Send the report again.",
        report_that_always_loses,
    ),
    (
        "already_claimed",
        "This attempt has been claimed before or is over. Do not publish.",
        lambda w: grant_execution_claim(w.deps, w.scheduled().id, 1),
    ),
    (
        "never_sent",
        "This post was never sent. Nothing to report.",
        lambda w: w.report_published(w.scheduled()),
    ),
]


@pytest.mark.parametrize(
    ("code", "sentence", "act"), REFUSED, ids=[f"{code}-{n}" for n, (code, *_) in enumerate(REFUSED)]
)
def test_refusal_states_the_cause_and_the_cure(world: World, code: str, sentence: str, act: Act):
    with pytest.raises(Refusal) as refused:
        act(world)
    assert (refused.value.code, refused.value.detail) == (code, sentence)


def test_account_ambiguous_error_has_field_limit_and_count(world: World):
    with pytest.raises(Refusal) as refused:
        schedule_with_two_accounts(world)
    message = "You have 2 linkedin accounts: say which one in socialAccountId."
    assert refused.value.errors == [FieldError("socialAccountId", "account_ambiguous", message, limit=1, actual=2)]


def test_all_platform_limit_errors_are_returned_together(world: World):
    world.connect("instagram", "instagram-page")
    post = world.draft(platform="instagram")
    world.overwrite(post, media=[], content="x" * 2_201)
    with pytest.raises(Refusal) as refused:
        world.schedule(post)
    assert refused.value.code == "platform_limits"
    assert [error.code for error in refused.value.errors] == ["text_too_long", "media_required"]
    assert refused.value.detail == " ".join(error.message for error in refused.value.errors)
    assert refused.value.detail.startswith("Instagram takes at most 2200 characters. Shorten the text by 1. Instagram ")
