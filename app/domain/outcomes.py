"""The outcome of an attempt: read n8n's answers and reports into one Verdict, by the tables of the design.

Sources: n8n's webhook answers and Cloudflare's 524 (the origin accepted the request but did not answer). The platforms'
codes are in `explanations.platform_codes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from app.domain.explanations import SENTENCES
from app.domain.explanations.masking import mask
from app.domain.ports import Reply
from app.domain.post import Attempt
from app.domain.retry import parse_retry_after

if TYPE_CHECKING:
    from app.domain.explanations.platform_codes import KnownCode

MAX_ERROR_TEXT = 1_000  # characters of raw error kept for the operator
BUSY_STATUSES = frozenset({408, 425, 429})  # the 4xx statuses after which the same request can succeed later

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


_URN = re.compile(r"urn:li:(?:share|ugcPost|activity|post):[A-Za-z0-9_-]{1,200}(?![A-Za-z0-9_-])")
_META_ID = re.compile(r"[1-9][0-9]{0,39}(?:_[1-9][0-9]{0,39})?")
_POST_IDS = {"linkedin": _URN, "facebook": _META_ID, "instagram": _META_ID}
_VALIDATION = re.compile(r"[A-Z0-9_.:-]{0,64}VALIDATION[A-Z0-9_.:-]{0,64}")


def read_reply(reply: Reply, now: datetime) -> Verdict:
    """Read n8n's HTTP answer, or the lack of one, into a Verdict."""
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
    if status in BUSY_STATUSES:
        return Outcome.TRANSIENT, "publisher_busy", None
    if 400 <= status < 500:
        return Outcome.PERMANENT, "rejected_by_publisher", None
    return Outcome.TRANSIENT, "publisher_error", None


def read_report(report: Report, *, earlier_may_be_out: bool, platform: str | None = None) -> Verdict:
    """Read a report into a Verdict.

    `earlier_may_be_out`: an earlier attempt of this post ended unknown. A duplicate refusal then means that the earlier
    attempt published the post. Otherwise the author has published the same text before. Any other failure with an id in
    the form of `platform` came after the publishing call, so the post is out.
    """
    if report.published:
        return Verdict(Outcome.PUBLISHED, external_id=report.external_id)
    # Imported here because only failures need the tables, and importing them adds 2 ms to a cold start.
    from app.domain.explanations.platform_codes import DUPLICATE, recognise

    text, status = report.error, report.http_status
    known = recognise(platform, report.error_code, text)
    if known and known.code == DUPLICATE:
        if earlier_may_be_out:
            return _out(Outcome.ALREADY_THERE, report, report.external_id or _first_urn(text))
        return _verdict(Outcome.PERMANENT, DUPLICATE, text, status)
    if _is_post_id(platform, report.external_id):
        return _out(Outcome.PUBLISHED, report, report.external_id)
    if status == 401 or (known and known.outcome == "reconnect"):
        return _verdict(Outcome.RECONNECT, "reconnect_required", text, status, alert="reconnect_required")
    outcome = Outcome.PERMANENT if _is_permanent(report, known) else Outcome.TRANSIENT
    return _verdict(outcome, _failure_code(outcome, known, status), text, status)


def _is_permanent(report: Report, known: KnownCode | None) -> bool:
    """Decide by the report's `retryable`, else by the known code, else by the status."""
    if report.retryable is not None:
        return not report.retryable
    if known is not None:
        return known.outcome == "permanent"
    if report.http_status is not None:
        return 400 <= report.http_status < 500 and report.http_status not in BUSY_STATUSES
    return _VALIDATION.fullmatch(report.error_code.strip().upper()) is not None


def _failure_code(outcome: Outcome, known: KnownCode | None, status: int | None) -> str:
    """Return the known code, or a general one where the report contradicts the known outcome.

    The cure of the known code would then be wrong.
    """
    if known is not None and known.outcome == outcome.value:
        return known.code
    if outcome is Outcome.PERMANENT:
        return "rejected_by_platform"
    return "platform_busy" if status == 429 else "platform_error"


def _is_post_id(platform: str | None, external_id: str | None) -> bool:
    """Return True if `external_id` has the form of a post's id on `platform`."""
    form = _POST_IDS.get(platform or "")
    return form is not None and external_id is not None and form.fullmatch(external_id) is not None


def _out(outcome: Outcome, report: Report, external_id: str | None) -> Verdict:
    """Return the verdict on a failure report that proves the post to be out."""
    detail = mask_and_truncate(report.error)
    return Verdict(outcome, detail=detail, http_status=report.http_status, external_id=external_id)


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
    kept = mask_and_truncate(detail)
    return Verdict(outcome, code, SENTENCES[code], kept, http_status, retry_after, alert=alert)


def mask_and_truncate(text: str) -> str:
    """Prepare raw text for storage: mask tokens, remove NUL (PostgreSQL refuses it), limit the length."""
    return mask(text.replace("\0", "").encode("utf-8", "replace").decode())[:MAX_ERROR_TEXT]


def must_hold(policy: UnknownOutcomePolicy, refuses_duplicates: bool) -> bool:
    """Return True if a post with an unknown outcome must wait for a person.

    It must where the operator's policy says hold, or where the platform would accept a second copy.
    """
    return policy == "hold" or (policy == "auto" and not refuses_duplicates)


def may_be_out(attempt: Attempt) -> bool:
    """Return True if the attempt was sent and its result is not known yet."""
    return attempt.sent_at is not None and attempt.outcome in (None, Outcome.ACCEPTED, Outcome.UNKNOWN)
