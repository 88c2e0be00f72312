"""Record a span for each send to n8n.

Invariant: the traced publisher's answers pass unchanged.
"""

from __future__ import annotations

import time

from app.domain.ports import Publisher, Reply, Submission
from app.domain.traces import Span, Tracer


class TracedPublisher:
    """A publisher whose sends are recorded."""

    def __init__(self, publisher: Publisher, tracer: Tracer, name: str) -> None:
        self._publisher, self._tracer, self._name = publisher, tracer, name

    def send(self, submission: Submission) -> Reply:
        began = time.time_ns()
        reply = self._publisher.send(submission)
        about: dict[str, str | int] = {
            "punctual.post_id": submission.post_id,
            "punctual.attempt": submission.attempt,
            "punctual.platform": submission.platform,
            "punctual.publisher": self._name,
            "punctual.reply": reply.kind,
        }
        if reply.status is not None:
            about["http.response.status_code"] = reply.status
        failed = reply.status is None or reply.status >= 400
        self._tracer.record(Span("send to n8n", began, time.time_ns(), about, failed, outgoing=True))
        return reply

    def warm(self, count: int = 1) -> None:
        self._publisher.warm(count)

    def check(self) -> str | None:
        return self._publisher.check()
