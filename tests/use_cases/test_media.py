"""Media are checked before the instant: missing files fail the post unsent, unclear answers delay nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from app.domain.ports import MediaVerdict
from app.domain.post import Post
from app.posts import drafts
from app.sweep.sweep import sweep
from tests.support.fakes import FakeClock, not_sent
from tests.support.world import World

A, B = "https://cdn.example.com/a.png", "https://cdn.example.com/b.png"


@dataclass
class FakeMedia:
    """A media check with a fixed verdict for each URL. It uses up all of its time."""

    clock: FakeClock
    verdicts: dict[str, MediaVerdict] = field(default_factory=dict)
    calls: list[tuple[list[str], float]] = field(default_factory=list)

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        self.calls.append((list(urls), seconds))
        self.clock.advance(seconds=seconds)
        return [self.verdicts.get(url, "fine") for url in urls]


@pytest.fixture
def media(world: World) -> FakeMedia:
    fake = FakeMedia(world.clock)
    world.with_deps(media=fake)
    return fake


def images(*urls: str) -> list[dict[str, str]]:
    return [{"url": url, "type": "image"} for url in urls]


def set_clock_before(world: World, post: Post, seconds: float) -> Post:
    """Set the clock to `seconds` before the post's instant."""
    assert post.next_attempt_at is not None
    world.clock.set(post.next_attempt_at - timedelta(seconds=seconds))
    return post


@pytest.mark.parametrize(("verdict", "code"), [("gone", "media_unreachable"), ("not_public", "media_not_public")])
@pytest.mark.parametrize("fields", [{"media": images(A, B)}, {"image_url": B}, {"media": images(A), "image_url": B}])
def test_post_with_unreachable_or_private_media_fails_without_a_send(
    world: World, media: FakeMedia, verdict: MediaVerdict, code: str, fields: dict
):
    media.verdicts[B] = verdict
    post = set_clock_before(world, world.scheduled(**fields), 1)
    assert world.dispatch(post) == Dispatched("failed", code)
    after = world.read(post)
    assert (after.status, after.error_code, after.error_message) == ("failed", code, SENTENCES[code])
    assert world.publisher.submissions == []
    assert world.outcomes(post) == ["permanent"]
    assert world.clock.now() == post.scheduled_at


@pytest.mark.parametrize("verdict", ["fine", "unknown"])
def test_post_with_reachable_or_unknown_media_is_sent(world: World, media: FakeMedia, verdict: MediaVerdict):
    media.verdicts = {A: verdict, B: verdict}
    post = set_clock_before(world, world.scheduled(media=images(A, B)), 1)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert len(world.publisher.submissions) == 1


def test_post_without_media_makes_no_check(world: World, media: FakeMedia):
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert media.calls == []


def test_each_url_is_checked_once(world: World, media: FakeMedia):
    world.dispatch(world.due(media=images(A, B, A), image_url=B))
    assert [urls for urls, _ in media.calls] == [[A, B]]


@pytest.mark.parametrize(
    ("before", "allowed"), [(1.0, 0.8), (1.5, 1.3), (3.0, 2.0), (0.3, 0.1), (0.0, 2.0), (-60.0, 2.0)]
)
def test_media_check_uses_the_time_left_and_delays_a_late_post_by_a_bounded_time(
    world: World, media: FakeMedia, before: float, allowed: float
):
    world.set(dispatch_lead_seconds=3.0)
    post = set_clock_before(world, world.scheduled(media=images(A)), before)
    began = world.clock.now()
    assert world.dispatch(post) == Dispatched("dispatched")
    ((_, seconds),) = media.calls
    assert seconds == pytest.approx(allowed)
    (attempt,) = world.attempts(post)
    assert attempt.sent_at == (post.scheduled_at if before > 0 else began + timedelta(seconds=2))


@pytest.mark.parametrize("before", [0.2, 0.1, 0.001])
def test_post_is_sent_unchecked_if_no_time_is_left(world: World, media: FakeMedia, before: float):
    post = set_clock_before(world, world.scheduled(media=images(A)), before)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert media.calls == []
    assert world.clock.now() == post.scheduled_at


def test_media_check_can_be_disabled(world: World, media: FakeMedia):
    world.set(media_check_seconds=0.0)
    media.verdicts[A] = "gone"
    for before in (1.0, 0.0):
        assert world.dispatch(set_clock_before(world, world.scheduled(media=images(A)), before)) == Dispatched(
            "dispatched"
        )
    assert media.calls == []


def test_post_that_failed_for_its_media_is_sent_after_they_are_changed(world: World, media: FakeMedia):
    media.verdicts[A] = "gone"
    post = world.due(media=images(A))
    assert world.dispatch(post).status == "failed"
    drafts.edit_post(world.deps, post.user_id, post.id, {"media": images(B)})
    again = world.schedule(world.read(post)).post
    world.clock.set(again.next_attempt_at or world.clock.now())
    assert world.dispatch(again) == Dispatched("dispatched")
    assert [dict(item)["url"] for item in world.publisher.submissions[0].media] == [B]


def test_retry_of_a_post_that_may_be_out_skips_the_media_check(world: World, media: FakeMedia):
    """The platform refuses a duplicate and so settles the outcome. Failing the post unsent would be a guess."""
    post = world.expired(media=images(A))
    media.verdicts[A] = "gone"
    sweep(world.deps)
    again = world.read(post)
    assert again.status == "scheduled"
    world.clock.set(max(again.next_attempt_at or world.clock.now(), world.clock.now()))
    assert world.dispatch(again) == Dispatched("dispatched")
    assert len(world.publisher.submissions) == 2


def test_breaker_probe_skips_the_media_check(world: World, media: FakeMedia):
    world.set(breaker_threshold=1)
    world.publisher.answers(not_sent())
    world.dispatch(world.due())
    media.verdicts[A] = "gone"
    probe = world.scheduled(media=images(A))
    world.clock.set(max(probe.next_attempt_at or world.clock.now(), world.clock.now() + timedelta(minutes=2)))
    assert world.dispatch(probe) == Dispatched("dispatched")
    assert media.calls == []


def replace_media(world: World, post: Post, url: str) -> None:
    """Replace the post's image at its instant, between the check and the claim."""
    world.at_next_transaction(lambda: drafts.edit_post(world.deps, post.user_id, post.id, {"media": images(url)}))


def test_image_replaced_after_the_check_is_sent_without_another_check(world: World, media: FakeMedia):
    media.verdicts[A] = "gone"
    post = set_clock_before(world, world.scheduled(media=images(A)), 1.6)
    replace_media(world, post, B)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert [dict(item)["url"] for item in world.publisher.submissions[0].media] == [B]
    assert world.clock.now() == post.scheduled_at
    assert [urls for urls, _ in media.calls] == [[A]]


def test_text_edited_after_the_check_of_a_missing_image_still_lets_the_platform_decide(world: World, media: FakeMedia):
    media.verdicts[A] = "gone"
    post = set_clock_before(world, world.scheduled(media=images(A)), 1)
    world.at_next_transaction(lambda: drafts.edit_post(world.deps, post.user_id, post.id, {"content": "new"}))
    assert world.dispatch(post) == Dispatched("dispatched")
    assert [sent.content for sent in world.publisher.submissions] == ["new"]


def test_second_delivery_of_a_post_failed_for_its_media_is_ignored(world: World, media: FakeMedia):
    media.verdicts[A] = "gone"
    post = set_clock_before(world, world.scheduled(media=images(A)), 1)
    world.at_next_transaction(lambda: world.dispatch(post))
    assert world.dispatch(post) == Dispatched("ignored", "failed")
    assert world.reasons(post).count("media_unreachable") == 1
