"""The log line of a settled attempt. It says why a post was late, or why it failed."""

from __future__ import annotations

from datetime import datetime

from app.domain.lateness import lateness_ms
from app.domain.outcomes import Verdict
from app.domain.post import Post
from app.log import emit


def log_settled(post: Post, settled: Post | None, verdict: Verdict, sent_at: datetime | None) -> None:
    """Log one attempt's end. `error` is the masked raw text, for operators alone.

    `late_ms` is the lateness of our own send, None where the attempt was not sent or is settled by a report.
    """
    late_ms = None
    if sent_at is not None and post.scheduled_at is not None:
        late_ms = lateness_ms(post.scheduled_at, sent_at)
    emit(
        "post.settled",
        post_id=post.id,
        user_id=post.user_id,
        company_id=post.company_id,
        attempt=post.attempt,
        outcome=verdict.outcome,
        code=verdict.code,
        status=settled.status if settled else None,
        late_ms=late_ms,
        error=verdict.detail,
    )
