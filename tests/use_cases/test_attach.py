"""Attach: a person settles an unknown outcome as published. Reports that come afterwards change nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.companies import companies
from app.domain.companies import Role
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.post import Post
from app.posts.attach import attach
from app.posts.recover import recover
from app.posts.schedule import cancel, publish_now, unschedule
from app.sweep.sweep import sweep
from tests.support.companies import join
from tests.support.fakes import unknown, urn_at
from tests.support.world import IN_TEN_MINUTES, USER, World

URN = "urn:li:share:1"


def lost(world: World, **values: object) -> Post:
    """Return a post within its lease, with a lost answer of n8n."""
    post = world.due(**values)
    world.publisher.answers(unknown())
    world.dispatch(post)
    return world.read(post)


def past_its_lease(world: World) -> Post:
    post = lost(world)
    world.after_lease(post)
    return post


def held(world: World) -> Post:
    """Return a post that failed with an unknown outcome."""
    post = lost(world, platform="facebook")
    world.after_lease(post)
    sweep(world.deps)
    assert world.read(post).error_code == "outcome_unknown"
    return world.read(post)


def retried(world: World) -> Post:
    """Return a post that is armed again after an unknown outcome."""
    post = past_its_lease(world)
    sweep(world.deps)
    return world.read(post)


def unscheduled(world: World) -> Post:
    return unschedule(world.deps, USER, retried(world).id)


def failed_by_hand(world: World) -> Post:
    return recover(world.deps, USER, past_its_lease(world).id, "fail", False)


UNKNOWN: dict[str, Callable[[World], Post]] = {
    "past its lease": past_its_lease,
    "held": held,
    "retried": retried,
    "unscheduled": unscheduled,
    "failed by hand": failed_by_hand,
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_post_with_an_unknown_outcome_is_attached(world: World, kind: str):
    post = UNKNOWN[kind](world)
    external_id = "12345_98765" if post.platform == "facebook" else URN
    after = attach(world.deps, USER, post.id, None, external_id)
    assert (after.status, after.external_post_id, after.error_code) == ("published", external_id, None)
    assert (after.next_attempt_at, after.lease_until, after.message_id) == (None, None, None)
    assert world.read(post) == after
    assert world.outcomes(post) == ["published"]
    last = world.transitions(post)[-1]
    assert (last.reason, last.actor, last.to_status) == ("attached", f"user:{USER}", "published")


@pytest.mark.parametrize("status", ["draft", "scheduled", "failed"])
def test_post_with_a_known_outcome_is_refused(world: World, status: str):
    post = world.in_status(status)
    before = world.all_post_rows()
    with pytest.raises(Conflict) as refused:
        attach(world.deps, USER, post.id, None, URN)
    assert refused.value.code == "outcome_known"
    assert world.all_post_rows() == before


@pytest.mark.parametrize(
    ("status", "code"),
    [("publishing", "in_flight"), ("published", "already_published"), ("cancelled", "already_cancelled")],
)
def test_post_in_flight_or_final_is_refused(world: World, status: str, code: str):
    post = world.in_status(status)
    with pytest.raises(Conflict) as refused:
        attach(world.deps, USER, post.id, None, URN)
    assert refused.value.code == code


def test_pending_message_is_disarmed_and_its_delivery_ignored(world: World):
    post = retried(world)
    assert post.message_id is not None
    attach(world.deps, USER, post.id, None, URN)
    assert world.messages.cancelled[-1] == post.message_id
    world.clock.advance(hours=1)
    sends = len(world.publisher.submissions)
    assert world.dispatch(post).status == "ignored"
    sweep(world.deps)
    assert len(world.publisher.submissions) == sends


def test_instant_of_a_linkedin_urn_is_the_publication(world: World):
    post = past_its_lease(world)
    created = IN_TEN_MINUTES + timedelta(seconds=7)
    after = attach(world.deps, USER, post.id, None, urn_at(created))
    assert (after.published_at, after.published_lateness_ms) == (created, 7_000.0)


def test_without_an_instant_the_send_is_the_publication(world: World):
    post = held(world)
    world.clock.advance(hours=5)
    after = attach(world.deps, USER, post.id, "https://www.facebook.com/ann/posts/98765", None)
    assert (after.published_at, after.published_lateness_ms) == (IN_TEN_MINUTES, 0.0)
    assert (after.external_post_id, after.external_url) == ("98765", "https://www.facebook.com/ann/posts/98765")


def test_link_without_an_id_is_kept_and_a_late_report_adds_the_id(world: World):
    post = held(world)
    url = "https://www.facebook.com/ann/posts/pfbid0abc"
    after = attach(world.deps, USER, post.id, url, None)
    assert (after.external_post_id, after.external_url) == (None, url)
    assert world.report_published(post, "12345_98765").applied
    after = world.read(post)
    assert (after.external_post_id, after.external_url) == ("12345_98765", url)


def test_late_published_report_of_the_same_post_raises_no_alert(world: World):
    post = past_its_lease(world)
    created = IN_TEN_MINUTES + timedelta(seconds=7)
    attach(world.deps, USER, post.id, None, urn_at(created, "activity"))
    report = world.report_published(post, urn_at(created - timedelta(milliseconds=300)))
    assert (report.applied, report.status) == (False, "published")
    assert world.alerts() == {}
    assert world.read(post).external_post_id == urn_at(created, "activity")


def test_late_published_report_of_another_post_raises_an_alert(world: World):
    post = past_its_lease(world)
    attach(world.deps, USER, post.id, None, urn_at(IN_TEN_MINUTES))
    world.report_published(post, urn_at(IN_TEN_MINUTES + timedelta(seconds=1)))
    assert world.alerts() == {"duplicate_publish": post.id}


def test_late_failed_report_changes_nothing(world: World):
    post = past_its_lease(world)
    after = attach(world.deps, USER, post.id, None, URN)
    report = world.report_failed(post, http_status=400, attempt=1)
    assert (report.applied, report.status) == (False, "published")
    assert world.read(post) == after
    assert world.outcomes(post) == ["published"]


def test_copy_is_of_the_attempt_sent_before_it(world: World):
    post = retried(world)
    first_sent = world.attempts(post)[0].sent_at
    world.at_due(post)
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.after_lease(post)
    assert first_sent is not None
    attach(world.deps, USER, post.id, None, urn_at(first_sent + timedelta(seconds=2)))
    assert world.outcomes(post) == ["published", "unknown"]


def test_copy_of_another_post_is_refused(world: World):
    created = urn_at(IN_TEN_MINUTES)
    first, second = lost(world), lost(world, content="Other")
    world.after_lease(second)
    attach(world.deps, USER, first.id, None, created)
    for url, external_id in ((None, created), (f"https://www.linkedin.com/feed/update/{created}", None)):
        with pytest.raises(Invalid) as refused:
            attach(world.deps, USER, second.id, url, external_id)
        assert refused.value.code == "copy_of_another_post"
    assert world.read(second).status == "publishing"


def test_attached_post_can_neither_be_cancelled_nor_published_again(world: World):
    post = past_its_lease(world)
    attach(world.deps, USER, post.id, None, URN)
    for action in (cancel, publish_now):
        with pytest.raises(Conflict) as refused:
            action(world.deps, USER, post.id)
        assert refused.value.code == "already_published"


def test_strangers_post_is_not_found_and_a_viewer_is_refused(world: World):
    post = past_its_lease(world)
    with pytest.raises(NotFound):
        attach(world.deps, "stranger", post.id, None, URN)
    assert world.read(post).status == "publishing"


def test_viewer_of_a_company_is_refused(world: World):
    company = companies.create_company(world.deps, USER, "Agency").id
    join(world.deps, USER, company, "viewer", Role.VIEWER)
    post = world.draft(company_id=company)
    with pytest.raises(Forbidden):
        attach(world.deps, "viewer", post.id, None, URN)
