"""What is sent is what the author wrote, with the ways back to us where there are any."""

from datetime import timedelta
from email.utils import format_datetime

from app.delivery.settle import Dispatched
from app.domain.explanations import SENTENCES
from tests.support.fakes import answered
from tests.support.world import MEDIA, World

IMAGE = "https://example.com/old.jpg"


def test_media_and_image_go_out_as_they_were_written(world: World):
    post = world.due(media=MEDIA, image_url=IMAGE)
    world.dispatch(post)
    (sent,) = world.publisher.submissions
    assert (sent.media, sent.image_url) == (tuple(MEDIA), IMAGE)


def test_without_a_public_address_n8n_is_told_of_no_way_back(world: World):
    world.set(public_base_url=None)
    world.dispatch(world.due())
    (sent,) = world.publisher.submissions
    assert (sent.callback_url, sent.claim_url) == (None, None)


def test_with_one_it_is_told_where_to_ask_and_where_to_report(world: World):
    world.dispatch(world.due())
    (sent,) = world.publisher.submissions
    assert sent.callback_url == "https://punctual.test/api/webhooks/publish-status"
    assert sent.claim_url == "https://punctual.test/api/webhooks/claim"


def test_a_delivery_that_loses_the_claim_says_that_the_post_is_busy(world: World):
    post = world.due()
    world.at_next_transaction(lambda: world.dispatch(post))
    assert world.dispatch(post) == Dispatched("ignored", "busy")
    assert len(world.publisher.submissions) == 1


def test_what_cannot_be_sent_at_all_tells_its_author_why(world: World):
    post = world.due()
    world.overwrite(post, social_account_id=None)
    assert world.dispatch(post) == Dispatched("failed", "account_missing")
    assert world.read(post).error_message == SENTENCES["account_missing"]


def test_a_wait_that_is_asked_for_as_a_date_is_counted_from_now(world: World):
    post = world.due()
    asked = world.clock.now() + timedelta(minutes=20)
    world.publisher.answers(answered(429, retry_after=format_datetime(asked, usegmt=True)))
    world.dispatch(post)
    assert world.read(post).next_attempt_at == asked
