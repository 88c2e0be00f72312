"""What an attempt ended as: n8n's answers and reports, read into one Verdict by the tables of the design.

Sources: n8n's webhook answers; LinkedIn API errors (REVOKED_ACCESS_TOKEN, DUPLICATE_POST naming a URN); Meta Graph API
errors (code 190 access token, 506 duplicate post); Cloudflare's 524 (the origin took the request and did not answer).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.ports import Reply
from app.domain.post import Attempt
from app.domain.retry import parse_retry_after

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


#: Code → the sentence an author understands, with the cure.
SENTENCES = {
    "publisher_unreachable": "The publishing service could not be reached. We try again by ourselves.",
    "publisher_busy": "The publishing service asked us to slow down. We try again by ourselves.",
    "publisher_error": "The publishing service had a problem. We try again by ourselves.",
    "publisher_refuses_us": "The publishing service does not accept our requests. Your operator has been told.",
    "workflow_inactive": "The publishing workflow is not active. Your operator has been told.",
    "rejected_by_publisher": "The publishing service refuses this post as it is. Check its text and media.",
    "rejected_by_platform": "The platform refuses this post as it is. Check its text and media.",
    "platform_error": "The platform had a problem. We try again by ourselves.",
    "reconnect_required": "The platform no longer accepts this account's connection. Reconnect the account.",
    "duplicate_content": "The platform already has a post with this text on this account. Change the text.",
    "outcome_unknown": "We cannot tell whether this post went out. Look at the account before you send it again.",
    "retries_exhausted": "The post could not be published after several tries. Schedule it again.",
    "missed": "The post could not be sent close enough to its time, so it was not sent at all. Schedule it again.",
    "account_missing": "The account of this post is gone or cannot be used. Connect it, then schedule the post again.",
    "spaced": "Another post of this account goes out first, then this one. Schedule it later if that is too close.",
    "daily_cap": "This account has had its posts of a day; this one goes when there is room, or schedule it anew.",
    "failed_by_hand": "This post was marked as failed by hand. Schedule it again to send it.",
}

_URN = re.compile(r"urn:li:(?:share|ugcPost|activity|post):[A-Za-z0-9_-]{1,200}(?![A-Za-z0-9_-])")
_RECONNECT_CODES = {"REVOKED_ACCESS_TOKEN", "EXPIRED_ACCESS_TOKEN", "INVALID_ACCESS_TOKEN", "190"}
_DUPLICATE_CODES = {"DUPLICATE_POST", "506"}
#: The same in a text that a workflow passes on as it came: `"code":190`, `(#190)`, or the word.
_RECONNECT_TEXT = re.compile(r"(?:REVOKED|EXPIRED|INVALID)_ACCESS_TOKEN|\"code\"\s*:\s*190\b|\(#190\)")
_DUPLICATE_TEXT = re.compile(r"DUPLICATE_POST|\"code\"\s*:\s*506\b|\(#506\)")


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


def read_report(report: Report, *, earlier_may_be_out: bool) -> Verdict:
    """A report as a Verdict. `earlier_may_be_out`: an earlier attempt of this post ended unknown, so that a refusal as
    duplicate means that attempt is the copy; without one the author has posted the same text before."""
    if report.published:
        return Verdict(Outcome.PUBLISHED, external_id=report.external_id)
    code, text, status = report.error_code.strip().upper(), report.error, report.http_status
    if code in _DUPLICATE_CODES or _DUPLICATE_TEXT.search(text) or (status == 422 and "DUPLICATE" in text.upper()):
        found = report.external_id or _first_urn(text)
        if earlier_may_be_out:
            return Verdict(Outcome.ALREADY_THERE, detail=cap(text), http_status=status, external_id=found)
        return _verdict(Outcome.PERMANENT, "duplicate_content", text, status)
    if status == 401 or code in _RECONNECT_CODES or _RECONNECT_TEXT.search(text):
        return _verdict(Outcome.RECONNECT, "reconnect_required", text, status, alert="reconnect_required")
    if _is_permanent(report, code):
        return _verdict(Outcome.PERMANENT, "rejected_by_platform", text, status)
    return _verdict(Outcome.TRANSIENT, "platform_error", text, status)


def _is_permanent(report: Report, code: str) -> bool:
    if report.retryable is not None:
        return not report.retryable
    if report.http_status is not None:
        return 400 <= report.http_status < 500 and report.http_status not in (408, 425, 429)
    return "VALIDATION" in code or "validation" in report.error.lower()


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
    """Raw text as kept: without NUL, which PostgreSQL refuses, and bounded."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:MAX_ERROR_TEXT]


def must_hold(policy: str, refuses_duplicates: bool) -> bool:
    """Whether an unknown outcome is left to a person: nothing would stop a second copy, or the operator says so."""
    return policy == "hold" or (policy == "auto" and not refuses_duplicates)


def may_be_out(attempt: Attempt) -> bool:
    """Sent, and nobody has said yet what came of it."""
    return attempt.sent_at is not None and attempt.outcome in (None, Outcome.ACCEPTED, Outcome.UNKNOWN)
