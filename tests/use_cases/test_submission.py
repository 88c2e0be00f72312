"""Submissions carry the author's content unchanged, and callback addresses where configured."""

from datetime import timedelta
from email.utils import format_datetime

from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from tests.support.fakes import answered
from tests.support.world import MEDIA, World

IMAGE = "https://example.com/old.jpg"


def test_media_and_image_are_sent_unchanged(world: World):
    post = world.due(media=MEDIA, image_url=IMAGE)
    world.dispatch(post)
    (sent,) = world.publisher.submissions
    assert (sent.media, sent.image_url) == (tuple(MEDIA), IMAGE)


def test_submission_without_public_base_url_has_no_callback_or_claim_url(world: World):
    world.set(public_base_url=None)
    world.dispatch(world.due())
    (sent,) = world.publisher.submissions
    assert (sent.callback_url, sent.claim_url) == (None, None)


def test_submission_with_public_base_url_has_callback_and_claim_url(world: World):
    world.dispatch(world.due())
    (sent,) = world.publisher.submissions
    assert sent.callback_url == "https://punctual.test/api/webhooks/publish-status"
    assert sent.claim_url == "https://punctual.test/api/webhooks/claim"


def test_delivery_that_loses_the_claim_answers_busy(world: World):
    post = world.due()
    world.at_next_transaction(lambda: world.dispatch(post))
    assert world.dispatch(post) == Dispatched("ignored", "busy")
    assert len(world.publisher.submissions) == 1


def test_post_without_account_shows_its_author_the_reason(world: World):
    post = world.due()
    world.overwrite(post, social_account_id=None)
    assert world.dispatch(post) == Dispatched("failed", "account_missing")
    assert world.read(post).error_message == SENTENCES["account_missing"]


def test_retry_after_date_sets_the_next_attempt(world: World):
    post = world.due()
    retry_at = world.clock.now() + timedelta(minutes=20)
    world.publisher.answers(answered(429, retry_after=format_datetime(retry_at, usegmt=True)))
    world.dispatch(post)
    assert world.read(post).next_attempt_at == retry_at
