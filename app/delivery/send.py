"""Send one claimed post to n8n.

Invariant: at most one request per claim, and none so late that the lease could end before n8n answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.callback_tokens import sign_callback
from app.domain.delivery import LEASE_OVER, ReadyDelivery
from app.domain.explanations import SENTENCES
from app.domain.keys import idempotency_key
from app.domain.outcomes import Outcome, Verdict, read_reply
from app.domain.ports import Submission
from app.domain.post import Account, Post
from app.domain.resend import may_resend


def send(deps: Deps, delivery: ReadyDelivery) -> None:
    """Make one request to n8n for a claimed delivery and keep its verdict for the settle.

    A blocked post gets its verdict without a request. So does one whose lease could end before n8n answers: it goes
    out again at once.
    """
    post, account = delivery.claimed, delivery.account
    assert post is not None
    assert delivery.lease_until is not None
    if delivery.blocked is not None or account is None or not deps.publishers:
        code = delivery.blocked or "account_missing"
        delivery.verdict = Verdict(Outcome.PERMANENT, code, SENTENCES[code])
        return
    policy = deps.settings.unknown_outcome_policy
    if not may_resend(policy, post.platform, delivery.unproven_since, deps.clock.now()):
        delivery.verdict = Verdict(Outcome.PERMANENT, "outcome_unknown", SENTENCES["outcome_unknown"])
        return
    # After a freeze of this process the sweep may expire the lease while n8n works, and send the post again.
    if deps.clock.now() >= delivery.lease_until - timedelta(seconds=deps.settings.n8n_timeout_seconds):
        delivery.verdict = LEASE_OVER
        return
    callbacks = _callback_urls(deps, post, delivery.lease_until)
    reply = deps.publishers[delivery.publisher].send(_submission(post, account, delivery.access_token, *callbacks))
    delivery.answered_at = deps.clock.now()
    delivery.sent_at, delivery.verdict = reply.sent_at, read_reply(reply, delivery.answered_at)


def warm(deps: Deps, publishers: Iterable[int], count: int = 1) -> None:
    """Open connections to these publishers ahead of a send, until each has `count` idle ones."""
    for index in publishers:
        deps.publishers[index].warm(count)


def _callback_urls(deps: Deps, post: Post, lease_until: datetime) -> tuple[str | None, str | None]:
    """Return the addresses for this attempt's report and claim, with its token where a secret is set."""
    base, secret = deps.settings.public_base_url, deps.settings.n8n_callback_secret
    if base is None:
        return None, None
    query = f"?token={sign_callback(secret, post.id, post.attempt, lease_until)}" if secret else ""
    return f"{base}/api/webhooks/publish-status{query}", f"{base}/api/webhooks/claim{query}"


def _submission(
    post: Post, account: Account, access_token: str, callback_url: str | None, claim_url: str | None
) -> Submission:
    """Build the request from the claimed row, so an edit acknowledged before the claim is in it."""
    assert post.scheduled_at is not None
    return Submission(
        post_id=post.id,
        user_id=post.user_id,
        access_token=access_token,
        person_urn=account.external_id,
        content=post.content,
        image_url=post.image_url,
        platform=post.platform,
        post_type=post.post_type,
        media=tuple(post.media),
        scheduled_at=post.scheduled_at,
        attempt=post.attempt,
        idempotency_key=idempotency_key(post.id, post.attempt),
        callback_url=callback_url,
        claim_url=claim_url,
    )
