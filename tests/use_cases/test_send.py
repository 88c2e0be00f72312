"""The send of one claimed delivery: one request at most, and none where it could be a second copy or too late."""

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.delivery.send import send, warm
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.callback_tokens import sign_callback
from app.domain.delivery import LEASE_OVER, ReadyDelivery
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.ports import Submission
from app.domain.post import Account, Post
from app.settings.values import Settings
from tests.support.fakes import START, FakeClock, FakePublisher, answered

TIMEOUT = timedelta(seconds=10)
MEDIA = [{"url": "https://example.com/a.jpg", "type": "image"}, {"url": "https://example.com/b.jpg", "type": "image"}]


class Sender:
    """A claimed delivery on LinkedIn, and the dependencies of its send."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.publisher = FakePublisher(self.clock)
        self.settings = Settings(n8n_timeout_seconds=TIMEOUT.total_seconds(), public_base_url="https://punctual.test")
        account = cast(Account, SimpleNamespace(external_id="urn:li:person:7"))
        self.delivery = ReadyDelivery(post(), START, "message", account, "token in clear", Breaker())
        self.delivery.claimed = post(attempt=3)
        self.delivery.lease_until = START + timedelta(hours=1)

    def send(self, **without: None) -> ReadyDelivery:
        parts: dict[str, Any] = {"clock": self.clock, "publishers": (self.publisher,), "settings": self.settings}
        send(cast(Deps, SimpleNamespace(**parts | without)), self.delivery)
        return self.delivery


def post(**changes: Any) -> Post:
    nothing: dict[str, Any] = dict.fromkeys(Post.__dataclass_fields__)
    values: dict[str, Any] = {
        "id": "post-1",
        "user_id": "user-1",
        "platform": "linkedin",
        "post_type": "reel",
        "content": "Hello",
        "media": MEDIA,
        "image_url": "https://example.com/old.jpg",
        "status": Status.PUBLISHING,
        "scheduled_at": START - timedelta(seconds=5),
        "attempt": 2,
    }
    return Post(**nothing | values | changes)


@pytest.fixture
def sender() -> Sender:
    return Sender()


def assert_not_sent(sender: Sender, verdict: Verdict, **without: None) -> None:
    delivery = sender.send(**without)
    assert (delivery.verdict, delivery.sent_at, sender.publisher.submissions) == (verdict, None, [])


def test_request_carries_the_claimed_row_and_the_callbacks(sender: Sender):
    delivery = sender.send()
    assert sender.publisher.submissions == [
        Submission(
            post_id="post-1",
            user_id="user-1",
            access_token="token in clear",
            person_urn="urn:li:person:7",
            content="Hello",
            image_url="https://example.com/old.jpg",
            platform="linkedin",
            post_type="reel",
            media=tuple(MEDIA),
            scheduled_at=START - timedelta(seconds=5),
            attempt=3,
            idempotency_key="post-1-3",
            callback_url="https://punctual.test/api/webhooks/publish-status",
            claim_url="https://punctual.test/api/webhooks/claim",
        )
    ]
    assert (delivery.sent_at, delivery.verdict) == (START, Verdict(Outcome.ACCEPTED, http_status=200))


def test_callbacks_carry_the_token_of_the_attempt_and_its_lease(sender: Sender):
    sender.settings = replace(sender.settings, n8n_callback_secret="a secret of the callbacks")
    sender.send()
    [request] = sender.publisher.submissions
    token = sign_callback("a secret of the callbacks", "post-1", 3, START + timedelta(hours=1))
    base = "https://punctual.test/api/webhooks"
    assert (request.callback_url, request.claim_url) == (
        f"{base}/publish-status?token={token}",
        f"{base}/claim?token={token}",
    )


def test_one_connection_is_opened_ahead_unless_more_are_asked_for(sender: Sender):
    deps = cast(Deps, SimpleNamespace(publishers=(FakePublisher(sender.clock), sender.publisher)))
    warm(deps, [1])
    assert (sender.publisher.warmed, sender.publisher.max_warm_count) == (1, 1)
    warm(deps, [1], 5)
    assert (sender.publisher.max_warm_count, deps.publishers[0].warmed) == (5, 0)  # type: ignore[attr-defined]


def test_request_without_a_public_address_has_no_callbacks(sender: Sender):
    sender.settings = replace(sender.settings, public_base_url=None)
    sender.send()
    [request] = sender.publisher.submissions
    assert (request.callback_url, request.claim_url) == (None, None)


def test_instant_is_the_sends_and_the_answer_is_read_by_the_present_clock(sender: Sender):
    sender.publisher.during_send = lambda _: sender.clock.advance(seconds=4)
    until = format_datetime(START + timedelta(seconds=64), usegmt=True)
    sender.publisher.answers(answered(429, retry_after=until))
    delivery = sender.send()
    assert delivery.sent_at == START
    assert delivery.verdict is not None
    assert (delivery.verdict.outcome, delivery.verdict.retry_after) == (Outcome.TRANSIENT, 60.0)


def test_blocked_post_gets_its_reason_and_no_request(sender: Sender):
    sender.delivery.blocked = "missed"
    assert_not_sent(sender, Verdict(Outcome.PERMANENT, "missed", SENTENCES["missed"]))


def test_post_without_an_account_gets_its_reason_and_no_request(sender: Sender):
    sender.delivery.account = None
    assert_not_sent(sender, Verdict(Outcome.PERMANENT, "account_missing", SENTENCES["account_missing"]))


def test_post_without_a_publisher_gets_no_request(sender: Sender):
    verdict = Verdict(Outcome.PERMANENT, "account_missing", SENTENCES["account_missing"])
    assert_not_sent(sender, verdict, publishers=None)


HELD = Verdict(Outcome.PERMANENT, "outcome_unknown", SENTENCES["outcome_unknown"])


@pytest.mark.parametrize(
    ("policy", "platform", "minutes_ago"),
    [("auto", "linkedin", 30), ("auto", "facebook", 1), ("auto", "instagram", 1), ("hold", "linkedin", 1)],
)
def test_second_send_that_may_be_a_copy_is_held(sender: Sender, policy: Any, platform: str, minutes_ago: float):
    sender.settings = replace(sender.settings, unknown_outcome_policy=policy)
    sender.delivery.claimed = post(platform=platform)
    sender.delivery.unproven_since = START - timedelta(minutes=minutes_ago)
    assert_not_sent(sender, HELD)


@pytest.mark.parametrize(("policy", "minutes_ago"), [("auto", 1), ("retry", 30)])
def test_second_send_within_the_guard_or_by_policy_goes_out(sender: Sender, policy: Any, minutes_ago: float):
    sender.settings = replace(sender.settings, unknown_outcome_policy=policy)
    sender.delivery.unproven_since = START - timedelta(minutes=minutes_ago)
    sender.send()
    assert len(sender.publisher.submissions) == 1


@pytest.mark.parametrize("left", [TIMEOUT, TIMEOUT - timedelta(seconds=1), timedelta(0), -TIMEOUT])
def test_nothing_is_sent_once_the_lease_could_end_before_the_answer(sender: Sender, left: timedelta):
    sender.delivery.lease_until = START + left
    assert_not_sent(sender, LEASE_OVER)


def test_request_goes_out_while_the_lease_outlasts_the_longest_answer(sender: Sender):
    sender.delivery.lease_until = START + TIMEOUT + timedelta(microseconds=1)
    sender.send()
    assert len(sender.publisher.submissions) == 1
