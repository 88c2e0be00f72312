"""From ready to settled: wait for the instant, claim, send, settle; for one delivery alone, or for the gate with many.

Promise: never before the due instant, and at most one send per claim, in a group as alone.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.delivery.settle import Dispatched, settle
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.explanations import SENTENCES
from app.domain.keys import idempotency_key
from app.domain.outcomes import Outcome, Verdict, read_reply
from app.domain.ports import Submission
from app.domain.post import Account, Post
from app.store.posts import queries, transitions
from app.store.posts.claim_sql import Intent

LONGEST_HOLD_SECONDS = 0.05  # of a claim's transaction; longer only when the clock is put back
SLICE_SECONDS = 0.01
WAKING_SECONDS = 0.0003  # what a sleeper oversleeps; this much is spent looking at the clock


class TurnedAway(enum.Enum):
    """Why a delivery did not pass: nothing of it was recorded."""

    NO_ROOM = "as many as may wait already do"
    CHANGED = "the account is not what was made ready: reconnected meanwhile, or no longer to be used"


class TooEarly(Exception):
    """The clock was put back while a claim was held for its instant."""


@dataclass(eq=False, slots=True)
class Standing:
    """One delivery before its instant: what was made ready, then what was claimed, then what came of it.
    `blocked` is a code of EXPLANATIONS when the post cannot be sent at all."""

    post: Post
    due: datetime
    trigger: str
    account: Account | None
    access_token: str
    circuit: Breaker
    blocked: str | None = None
    has_place: bool = False
    claimed: Post | None = None
    lease_until: datetime | None = None
    verdict: Verdict | None = None
    sent_at: datetime | None = None
    result: Dispatched | TurnedAway | None = None
    error: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def end(self, result: Dispatched | TurnedAway | None = None, error: Exception | None = None) -> None:
        """Over at the gate; without a result or an error, the delivery goes on alone."""
        self.result, self.error = result, error
        self.over.set()


class OneByOne:
    """A gate without threads: each delivery waits, claims, sends and settles by itself."""

    def pass_through(self, deps: Deps, standing: Standing) -> Dispatched | TurnedAway:
        """What came of it. Raises Unavailable where nothing was recorded."""
        return go_alone(deps, standing) if wait(deps, standing.due) else TurnedAway.NO_ROOM


def go_alone(deps: Deps, standing: Standing) -> Dispatched | TurnedAway:
    """What is left to be done of claim, send and settle, for one that is due."""
    if standing.claimed is None:
        claim(deps, [standing])
        if standing.result is not None:
            return standing.result
    unsent = send(deps, standing) if standing.verdict is None else None
    return unsent or _settle(deps, standing)


def wait(deps: Deps, due: datetime) -> bool:
    """Sleep until the instant; False where there is no room to wait."""
    if due <= deps.clock.now():
        return True
    if not take_place(deps):
        return False
    try:
        deps.clock.sleep_until(due)
    finally:
        leave_place(deps)
    return True


def take_place(deps: Deps) -> bool:
    """Only so many may wait: they must not keep the ones who are due from a worker."""
    return deps.waiting is not None and deps.waiting.acquire(blocking=False)


def leave_place(deps: Deps) -> None:
    if deps.waiting is not None:
        deps.waiting.release()


def claim(deps: Deps, group: Sequence[Standing], at: datetime | None = None) -> None:
    """Claim all of the group that are due, in one transaction; who lost, or is no longer as it was made ready, is
    ended. With `at`, a moment ahead of the instant: all is written by then, and committed at the instant itself.
    Raises Unavailable, or TooEarly: then nobody won and nobody was ended."""
    now = at or deps.clock.now()
    lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
    intents = [Intent(s.post.id, s.post.generation, s.account, s.trigger, s.blocked is None) for s in group]
    with deps.db.transaction() as tx:
        won = transitions.claim(tx, intents, now=now, lease_until=lease_until)
        lost = [standing.post for place, standing in enumerate(group) if place not in won]
        known = queries.accounts_of(tx, lost) if lost else {}
        if at is not None:
            _hold(deps, at)
    for place, standing in enumerate(group):
        standing.claimed, standing.lease_until = won.get(place), lease_until
        if standing.claimed is None:
            changed = known.get(standing.post.id) != standing.account
            standing.end(TurnedAway.CHANGED if changed else Dispatched("ignored", "busy"))


def _hold(deps: Deps, at: datetime) -> None:
    """Keep the transaction open until the instant: who would change one of these posts meanwhile waits for it, too."""
    ends = time.monotonic() + LONGEST_HOLD_SECONDS
    while (left := (at - deps.clock.now()).total_seconds()) > 0:
        if time.monotonic() > ends:
            raise TooEarly()
        time.sleep(max(min(left, SLICE_SECONDS) - WAKING_SECONDS, 0))


def send(deps: Deps, standing: Standing) -> Dispatched | None:
    """One request to n8n for what was claimed; its verdict is then for settling. A post that is blocked gets its
    verdict without a request; one whose lease may be over by the time n8n has answered ends here, unsent."""
    post, account = standing.claimed, standing.account
    assert post is not None
    assert standing.lease_until is not None
    if standing.blocked is not None or account is None or deps.publisher is None:
        code = standing.blocked or "account_missing"
        standing.verdict = Verdict(Outcome.PERMANENT, code, SENTENCES[code])
        return None
    # After a freeze the sweep may have given the post to another, or may do so before n8n has answered us.
    if deps.clock.now() >= standing.lease_until - timedelta(seconds=deps.settings.n8n_timeout_seconds):
        return Dispatched("ignored", "lease_over")
    reply = deps.publisher.send(_submission(deps, post, account, standing.access_token))
    standing.sent_at, standing.verdict = reply.sent_at, read_reply(reply, deps.clock.now())
    return None


def _settle(deps: Deps, standing: Standing) -> Dispatched:
    assert standing.claimed is not None
    assert standing.verdict is not None
    circuit = standing.circuit if standing.sent_at is not None else None
    return settle(deps, standing.claimed, standing.verdict, sent_at=standing.sent_at, circuit=circuit)


def _submission(deps: Deps, post: Post, account: Account, access_token: str) -> Submission:
    """What the claim returned is what is sent, so that an edit answered a moment ago is in it."""
    assert post.scheduled_at is not None
    base = deps.settings.public_base_url
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
        callback_url=f"{base}/api/webhooks/publish-status" if base else None,
        claim_url=f"{base}/api/webhooks/claim" if base else None,
    )
