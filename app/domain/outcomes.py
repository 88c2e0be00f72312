"""What an attempt ended as: n8n's answers and reports, read into one Verdict by the tables of the design.

Sources: n8n's webhook answers; Cloudflare's 524 (the origin took the request and did not answer); the platforms' codes
are in `explanations.platform_codes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.explanations import SENTENCES
from app.domain.ports import Reply
from app.domain.post import Attempt
from app.domain.retry import parse_retry_after

if TYPE_CHECKING:
    from app.domain.explanations.platform_codes import Known

MAX_ERROR_TEXT = 1_000  # characters of raw error kept for the operator


class Outcome(StrEnum):
    """How an attempt ended; the stored values of `attempts.outcome`."""

    ACCEPTED = "accepted"
    PUBLISHED = "published"
    NOT_SENT = "not_sent"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    RECONNECT = "reconnect"
    ALREADY_THERE = "already_there"
    UNKNOWN = "unknown"


#: Outcomes after which the post is known not to have gone out by that attempt.
KNOWN_NOT_OUT = frozenset({Outcome.NOT_SENT, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.RECONNECT})


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, a stable code, a sentence for the author, the raw text for the operator, and what follows."""

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    http_status: int | None = None
    retry_after: float | None = None
    external_id: str | None = None
    alert: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """n8n's publish-status report, as validated by the web layer."""

    post_id: str
    published: bool
    external_id: str | None = None
    error: str = ""
    error_code: str = ""
    http_status: int | None = None
    retryable: bool | None = None
    attempt: int | None = None


_URN = re.compile(r"urn:li:(?:share|ugcPost|activity|post):[A-Za-z0-9_-]{1,200}(?![A-Za-z0-9_-])")


def read_reply(reply: Reply, now: datetime) -> Verdict:
    """n8n's HTTP answer, or the lack of one, as a Verdict."""
    if reply.kind == "not_sent":
        return _verdict(Outcome.NOT_SENT, "publisher_unreachable", reply.error)
    if reply.kind == "unknown" or reply.status is None:
        return _verdict(Outcome.UNKNOWN, "outcome_unknown", reply.error)
    status = reply.status
    if 200 <= status < 300:
        return Verdict(Outcome.ACCEPTED, http_status=status)
    outcome, code, alert = _read_status(status)
    wait = parse_retry_after(reply.retry_after, now)
    return _verdict(outcome, code, reply.body or f"HTTP {status}", status, wait, alert=alert)


def _read_status(status: int) -> tuple[Outcome, str, str | None]:
    if status == 524:
        return Outcome.UNKNOWN, "outcome_unknown", None
    if status in (401, 403):
        return Outcome.TRANSIENT, "publisher_refuses_us", "publisher_refuses_us"
    if status in (404, 405, 410) or 300 <= status < 400:
        return Outcome.TRANSIENT, "workflow_inactive", "workflow_inactive"
    if status in (408, 425, 429):
        return Outcome.TRANSIENT, "publisher_busy", None
    if 400 <= status < 500:
        return Outcome.PERMANENT, "rejected_by_publisher", None
    return Outcome.TRANSIENT, "publisher_error", None


def read_report(report: Report, *, earlier_may_be_out: bool, platform: str | None = None) -> Verdict:
    """A report as a Verdict. `earlier_may_be_out`: an earlier attempt of this post ended unknown, so that a refusal as
    duplicate means that attempt is the copy; without one the author has posted the same text before."""
    if report.published:
        return Verdict(Outcome.PUBLISHED, external_id=report.external_id)
    # Of what fails alone, so that no cold start pays for its tables.
    from app.domain.explanations.platform_codes import DUPLICATE, recognise

    text, status = report.error, report.http_status
    known = recognise(platform, report.error_code, text)
    if (known and known.code == DUPLICATE) or (status == 422 and "DUPLICATE" in text.upper()):
        found = report.external_id or _first_urn(text)
        if earlier_may_be_out:
            return Verdict(Outcome.ALREADY_THERE, detail=cap(text), http_status=status, external_id=found)
        return _verdict(Outcome.PERMANENT, DUPLICATE, text, status)
    if status == 401 or (known and known.outcome == "reconnect"):
        return _verdict(Outcome.RECONNECT, "reconnect_required", text, status, alert="reconnect_required")
    outcome = Outcome.PERMANENT if _is_permanent(report, known) else Outcome.TRANSIENT
    return _verdict(outcome, _code(outcome, known, status), text, status)


def _is_permanent(report: Report, known: Known | None) -> bool:
    """The workflow's own word on retrying goes first, then what is known of the code, then the status."""
    if report.retryable is not None:
        return not report.retryable
    if known is not None:
        return known.outcome == "permanent"
    if report.http_status is not None:
        return 400 <= report.http_status < 500 and report.http_status not in (408, 425, 429)
    return "VALIDATION" in report.error_code.upper() or "validation" in report.error.lower()


def _code(outcome: Outcome, known: Known | None, status: int | None) -> str:
    """The known code, unless the workflow sees the outcome otherwise: then its cure would be wrong."""
    if known is not None and known.outcome == outcome.value:
        return known.code
    if outcome is Outcome.PERMANENT:
        return "rejected_by_platform"
    return "platform_busy" if status == 429 else "platform_error"


def _first_urn(text: str) -> str | None:
    found = _URN.search(text)
    return found.group() if found else None


def _verdict(
    outcome: Outcome,
    code: str,
    detail: str,
    http_status: int | None = None,
    retry_after: float | None = None,
    alert: str | None = None,
) -> Verdict:
    return Verdict(outcome, code, SENTENCES[code], cap(detail), http_status, retry_after, alert=alert)


def cap(text: str) -> str:
    """Raw text as kept: without NUL, which PostgreSQL refuses, without tokens, and bounded."""
    from app.domain.explanations.masking import mask

    return mask(text.replace("\0", "").encode("utf-8", "replace").decode())[:MAX_ERROR_TEXT]


def must_hold(policy: str, refuses_duplicates: bool) -> bool:
    """Whether an unknown outcome is left to a person: nothing would stop a second copy, or the operator says so."""
    return policy == "hold" or (policy == "auto" and not refuses_duplicates)


def may_be_out(attempt: Attempt) -> bool:
    """Sent, and nobody has said yet what came of it."""
    return attempt.sent_at is not None and attempt.outcome in (None, Outcome.ACCEPTED, Outcome.UNKNOWN)
