"""Concurrent publishes, one-call schedules and attaches: one send, one settlement, and no post lost between them."""

from functools import partial
from typing import Any

import sqlalchemy as sa

from app.domain.errors import Conflict, Invalid
from app.domain.post import Post
from app.posts.attach import attach
from app.posts.create import create_scheduled
from app.posts.recover import recover
from app.posts.schedule import order_for, publish_now
from app.store.schema.tables import posts
from app.sweep.sweep import sweep
from tests.support.threads import errors, run_together
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6
URN = "urn:li:share:1"


def attempt(world: World, post: Post) -> Post:
    return attach(world.deps, USER, post.id, None, URN)


def test_two_concurrent_publishes_are_one_send(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.draft()
        results = run_together([partial(publish_now, pg_world.deps, USER, post.id)] * 2)
        assert errors(results) == []
        sends = len(pg_world.publisher.submissions)
        deliveries = [partial(pg_world.dispatch, done.post) for done in results] * 2
        answers = run_together(deliveries)
        assert errors(answers) == []
        assert sorted(answer.status for answer in answers) == ["dispatched", "ignored", "ignored", "ignored"]
        assert len(pg_world.publisher.submissions) == sends + 1
        pg_world.report_published(post, f"urn:li:share:{sends + 2}")


def test_publish_during_its_delivery_is_one_send_or_refused(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.due()
        sends = len(pg_world.publisher.submissions)
        published, _ = run_together(
            [partial(publish_now, pg_world.deps, USER, post.id), partial(pg_world.dispatch, post)]
        )
        if isinstance(published, Conflict):
            assert published.code == "in_flight"
        else:
            assert pg_world.dispatch(published.post).status == "dispatched"
        assert len(pg_world.publisher.submissions) == sends + 1
        pg_world.report_published(post, f"urn:li:share:{sends + 2}")


def test_one_call_schedules_above_the_quota_leave_no_row(pg_world: World):
    pg_world.set(quota_posts=3)
    values: dict[str, Any] = {
        "content": "Hello",
        "platform": "linkedin",
        "post_type": "post",
        "media": [],
        "image_url": None,
    }
    order = order_for(pg_world.deps, USER, IN_TEN_MINUTES.isoformat(), None, 0)
    results = run_together([partial(create_scheduled, pg_world.deps, values, order)] * 6)
    assert [type(error) for error in errors(results)] == [Invalid] * 3
    with pg_world.db.reading() as connection:
        statuses = list(connection.execute(sa.select(posts.c.status)).scalars())
    assert statuses == ["scheduled"] * 3


def test_attach_during_a_published_report_settles_once(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.expired()
        results = run_together([partial(attempt, pg_world, post), partial(pg_world.report_published, post, URN)])
        attached, reported = results
        assert not isinstance(reported, Exception)
        assert isinstance(attached, Conflict) == reported.applied
        now = pg_world.read(post)
        assert (now.status, now.external_post_id) == ("published", URN)
        reasons = pg_world.reasons(post)
        assert reasons.count("attached") + reasons.count("published") == 1
        assert pg_world.outcomes(post) == ["published"]
        pg_world.overwrite(post, external_post_id=f"urn:li:share:{now.id}")


def test_attach_during_a_failed_report_ends_published_or_is_refused(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.expired()
        failed = partial(pg_world.report_failed, post, http_status=400, attempt=1)
        attached, reported = run_together([partial(attempt, pg_world, post), failed])
        assert not isinstance(reported, Exception)
        now = pg_world.read(post)
        if isinstance(attached, Conflict):
            assert (attached.code, now.status) == ("outcome_known", "failed")
        else:
            assert (now.status, pg_world.outcomes(post)) == ("published", ["published"])
        pg_world.overwrite(post, external_post_id=None)


def test_attach_during_a_sweep_is_never_sent_again(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.expired()
        attached, swept = run_together([partial(attempt, pg_world, post), partial(sweep, pg_world.deps)])
        assert errors([attached, swept]) == []
        assert pg_world.read(post).status == "published"
        sends = len(pg_world.publisher.submissions)
        sweep(pg_world.deps)
        assert len(pg_world.publisher.submissions) == sends
        pg_world.overwrite(post, external_post_id=None)


def test_attach_during_a_retry_by_hand_ends_published_without_a_send(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.expired()
        retry = partial(recover, pg_world.deps, USER, post.id, "retry", True)
        attached, _ = run_together([partial(attempt, pg_world, post), retry])
        assert errors([attached]) == []
        now = pg_world.read(post)
        assert (now.status, now.message_id) == ("published", None)
        pg_world.overwrite(post, external_post_id=None)


def test_attach_during_a_claim_is_refused_or_stops_the_send(pg_world: World):
    pg_world.set(unknown_outcome_policy="retry")
    for _ in range(ROUNDS):
        expired = pg_world.expired()
        sweep(pg_world.deps)
        post = pg_world.read(expired)
        pg_world.clock.set(post.next_attempt_at or pg_world.clock.now())
        sends = len(pg_world.publisher.submissions)
        attached, delivered = run_together([partial(attempt, pg_world, post), partial(pg_world.dispatch, post)])
        assert errors([delivered]) == []
        sent = len(pg_world.publisher.submissions) - sends
        assert sent == isinstance(attached, Conflict)
        assert pg_world.read(post).status == ("publishing" if sent else "published")
        pg_world.report_published(post, URN)
        pg_world.overwrite(post, external_post_id=None)
