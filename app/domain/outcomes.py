"""The outcome of an attempt, and n8n's own answer read into one, by the tables of the design.

Sources: n8n's webhook answers, and Cloudflare's 520 to 527 (the origin may have received the request). `reports` reads
the reports of the workflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from app.domain.explanations import SENTENCES
from app.domain.explanations.masking import mask
from app.domain.ports import Reply
from app.domain.retry import parse_retry_after

MAX_ERROR_TEXT = 1_000  # characters of raw error kept for the operator
BUSY_STATUSES = frozenset({408, 425, 429})  # the 4xx statuses after which the same request can succeed later
VERDICTS = frozenset({400, 413, 422})  # n8n's own 4xx statuses about the post. Any other one is about the request
#: The 5xx statuses after which n8n did not start the workflow. Any other comes from a proxy that lost the answer, such
#: as 504, Cloudflare's 520 to 527 and 598, so the workflow may be running.
NOT_STARTED = frozenset({500, 501, 502, 503, 505, 506, 507, 508, 510, 511, 529, 530})

#: The codes of attempts closed without a report: by n8n's own answer, or before the send. Reports have other ones.
CODES_WITHOUT_REPORT = frozenset(
    {
        "publisher_unreachable",
        "publisher_busy",
        "publisher_error",
        "publisher_refuses_us",
        "workflow_inactive",
        "rejected_by_publisher",
        "outcome_unknown",
        "account_missing",
        "media_unreachable",
        "media_not_public",
        "missed",
    }
)

#: The setting UNKNOWN_OUTCOME_POLICY.
UnknownOutcomePolicy = Literal["auto", "retry", "hold"]


class Outcome(StrEnum):
    """How an attempt ended. These are the stored values of `attempts.outcome`."""

    ACCEPTED = "accepted"
    PUBLISHED = "published"
    NOT_SENT = "not_sent"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    RECONNECT = "reconnect"
    ALREADY_THERE = "already_there"
    UNKNOWN = "unknown"


#: Outcomes that prove that the attempt did not publish the post.
KNOWN_NOT_OUT = frozenset({Outcome.NOT_SENT, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.RECONNECT})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of an attempt and its explanation.

    `code` is stable, `message` is for the author, `detail` is the raw text for the operator. `retry_after` is in
    seconds. `alert` is a kind of operator's alert to raise.
    """

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
    """A publish-status report of n8n, validated by the web layer."""

    post_id: str
    published: bool
    external_id: str | None = None
    error: str = ""
    error_code: str = ""
    http_status: int | None = None
    retryable: bool | None = None
    attempt: int | None = None


def read_reply(reply: Reply, now: datetime) -> Verdict:
    """Read n8n's HTTP answer, or the lack of one, into a Verdict."""
    if reply.kind == "not_sent":
        alert = "publisher_address_wrong" if reply.misconfigured else None
        return explained(Outcome.NOT_SENT, "publisher_unreachable", reply.error, alert=alert)
    if reply.kind == "unknown" or reply.status is None:
        return explained(Outcome.UNKNOWN, "outcome_unknown", reply.error)
    status = reply.status
    if 200 <= status < 300:
        return Verdict(Outcome.ACCEPTED, http_status=status)
    outcome, code, alert = _read_status(status)
    wait = parse_retry_after(reply.retry_after, now)
    return explained(outcome, code, reply.body or f"HTTP {status}", status, wait, alert=alert)


def _read_status(status: int) -> tuple[Outcome, str, str | None]:
    """Return the outcome, the code and the alert of a status, by the table of the design."""
    if status in (401, 402, 403, 407, 511):
        return Outcome.TRANSIENT, "publisher_refuses_us", "publisher_refuses_us"
    if status in (404, 405, 410, 421, 426) or 300 <= status < 400:
        return Outcome.TRANSIENT, "workflow_inactive", "workflow_inactive"
    if status in BUSY_STATUSES:
        return Outcome.TRANSIENT, "publisher_busy", None
    if status in VERDICTS:
        return Outcome.PERMANENT, "rejected_by_publisher", None
    if status in NOT_STARTED or 400 <= status < 500:
        return Outcome.TRANSIENT, "publisher_error", None
    return Outcome.UNKNOWN, "outcome_unknown", None


def explained(
    outcome: Outcome,
    code: str,
    detail: str,
    http_status: int | None = None,
    retry_after: float | None = None,
    alert: str | None = None,
) -> Verdict:
    """Build a verdict whose message is the sentence of `code`. `detail` is masked and truncated."""
    kept = mask_and_truncate(detail)
    return Verdict(outcome, code, SENTENCES[code], kept, http_status, retry_after, alert=alert)


def mask_and_truncate(text: str) -> str:
    """Prepare raw text for storage: mask tokens, remove NUL (PostgreSQL refuses it), limit the length."""
    return mask(text.replace("\0", "").encode("utf-8", "replace").decode())[:MAX_ERROR_TEXT]
