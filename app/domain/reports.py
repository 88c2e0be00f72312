"""Read a report of the workflow into a Verdict, by the table of the design.

Invariant: a failure is unknown unless the report proves that nothing went out. A duplicate proves that the post is out
only by the id of a post made in our own send window.
Source of an id's instant: the upper bits of the number in a LinkedIn URN are Unix milliseconds (`id >> 22`).
LinkedIn does not document this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from app.domain.explanations import EXPLANATIONS
from app.domain.outcomes import Outcome, Report, Verdict, explained, mask_and_truncate
from app.domain.platforms import POST_IDS, is_post_id

if TYPE_CHECKING:
    from app.domain.explanations.platform_codes import KnownCode

PLATFORM_CLOCK_TOLERANCE = timedelta(seconds=5)  # between the platform's clock and ours
#: The platform's statuses after which the same call can succeed later: nothing was created.
RETRYABLE = frozenset({409, 423, 425, 426, 429})
#: Time-outs among the 4xx statuses: 408, and nginx's 499.
TIMED_OUT = frozenset({408, 499})
URN_TIME_SHIFT = 22
MAX_UNIX_MS = 4_102_444_800_000  # the year 2100

_URN_IN_TEXT = re.compile(rf"{POST_IDS['linkedin'].pattern}(?![A-Za-z0-9_-])")
_VALIDATION = re.compile(r"[A-Z0-9_.:-]{0,64}VALIDATION[A-Z0-9_.:-]{0,64}")
_HTTP_ERROR = re.compile(r"[45][0-9]{2}")


class OtherPosts(Protocol):
    """The other posts of the same account in our database."""

    def have(self, external_id: str) -> bool:
        """Return True if one of them is known to have this id on the platform."""
        ...

    def may_have(self, created: datetime) -> bool:
        """Return True if one of them, with the same text, may be the post created at this instant."""
        ...


@dataclass(frozen=True, slots=True)
class SendWindow:
    """The time in which our own sends of a post may have published it: since the earliest one.

    `earlier`: an attempt before the reported one may be out.
    """

    start: datetime
    end: datetime
    earlier: bool = False
    others: OtherPosts | None = None

    def holds(self, urn: str) -> bool:
        """Return True if the post of this URN was created in the window and is no other post of ours."""
        created = created_at(urn)
        if created is None or (self.others is not None and self.others.have(urn)):
            return False
        return self.start - PLATFORM_CLOCK_TOLERANCE <= created <= self.end + PLATFORM_CLOCK_TOLERANCE

    def may_be_anothers(self, urn: str) -> bool:
        """Return True if the post of this URN may be another one of ours, with the same text."""
        created = created_at(urn)
        return self.others is not None and created is not None and self.others.may_have(created)


def publication(external_id: str | None, window: SendWindow | None, now: datetime) -> datetime:
    """Return the instant of a publication: the URN's own if it lies within the send window, else `now`.

    A LinkedIn URN holds the instant of its creation, in whole milliseconds. The reports of other platforms hold none.
    """
    created = created_at(external_id) if external_id else None
    if created is None or window is None or not window.start - timedelta(milliseconds=1) < created <= now:
        return now
    return max(created, window.start)


def created_at(urn: str) -> datetime | None:
    """Return the instant of creation that a LinkedIn URN carries, None for another id."""
    number = urn.rpartition(":")[2] if is_post_id("linkedin", urn) else ""
    milliseconds = int(number) >> URN_TIME_SHIFT if number.isdigit() and len(number) < 25 else 0
    if not 0 < milliseconds < MAX_UNIX_MS:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def is_same_post(known: str, reported: str) -> bool:
    """Return True if two ids of one platform name the same post.

    A LinkedIn post has a URN as a share and another one as an activity, made at the same moment. A Facebook post's id
    has the page before it, or not.
    """
    if known == reported:
        return True
    if known.isdigit() != reported.isdigit():
        return known.rpartition("_")[2] == reported.rpartition("_")[2]
    if known.rpartition(":")[0] == reported.rpartition(":")[0]:
        return False
    times = created_at(known), created_at(reported)
    return times[0] is not None and times[1] is not None and abs(times[0] - times[1]) <= PLATFORM_CLOCK_TOLERANCE


def read_report(
    report: Report, *, platform: str | None = None, window: SendWindow | None = None, granted: bool = False
) -> Verdict:
    """Read a report into a Verdict.

    `window` is None where no attempt of the post may be out. `granted`: the execution was granted its claim, so the
    publishing call had probably begun. A failure with an id in the form of `platform` came after that call: the post is
    out.
    """
    if report.published:
        return Verdict(Outcome.PUBLISHED, external_id=report.external_id)
    # Imported here because only failures need the tables, and importing them adds 2 ms to a cold start.
    from app.domain.explanations.platform_codes import DUPLICATE, recognise

    known = recognise(platform, report.error_code, report.error)
    if known and known.code == DUPLICATE:
        return _read_duplicate(report, window)
    if is_post_id(platform, report.external_id):
        return _out(Outcome.PUBLISHED, report, report.external_id)
    status = report.http_status if report.http_status is not None else _status_in_code(report.error_code, known)
    if status == 401 or (known and known.outcome == "reconnect"):
        return explained(
            Outcome.RECONNECT, "reconnect_required", report.error, report.http_status, alert="reconnect_required"
        )
    outcome = _failed_outcome(report, known, status, granted)
    return explained(outcome, _failure_code(outcome, known, status), report.error, report.http_status)


def _failed_outcome(report: Report, known: KnownCode | None, status: int | None, granted: bool) -> Outcome:
    """Decide by `retryable`, else by the known code, else by the status.

    After a granted claim `retryable: true` alone is no proof.
    """
    if report.retryable is False:
        return Outcome.PERMANENT
    proved = _proved_outcome(report, known, status)
    if report.retryable and (proved is not Outcome.UNKNOWN or not granted):
        return Outcome.TRANSIENT
    return proved


def _proved_outcome(report: Report, known: KnownCode | None, status: int | None) -> Outcome:
    """Return the outcome that the code or the status proves, else unknown."""
    if known is not None:
        return Outcome(known.outcome)
    if status is None:
        is_validation = _VALIDATION.fullmatch(report.error_code.strip().upper()) is not None
        return Outcome.PERMANENT if is_validation else Outcome.UNKNOWN
    if status in RETRYABLE:
        return Outcome.TRANSIENT
    return Outcome.PERMANENT if 400 <= status < 500 and status not in TIMED_OUT else Outcome.UNKNOWN


def _failure_code(outcome: Outcome, known: KnownCode | None, status: int | None) -> str:
    """Return the known code, or a general one where the report contradicts the known outcome.

    The cure of the known code would then be wrong.
    """
    if outcome is Outcome.UNKNOWN:
        return "outcome_unknown"
    if known is not None and known.outcome == outcome.value:
        return known.code
    if outcome is Outcome.PERMANENT:
        return "rejected_by_platform"
    return "platform_busy" if status == 429 else "platform_error"


def _status_in_code(code: str, known: KnownCode | None) -> int | None:
    """Return the HTTP status that a workflow reported as its error code, None for another code."""
    return int(code) if known is None and _HTTP_ERROR.fullmatch(code.strip()) else None


def _read_duplicate(report: Report, window: SendWindow | None) -> Verdict:
    """Read the refusal of a duplicate: the post is out if the refusal names a post from our own window.

    A refusal that names an older post concerns the author's own. One without a dated id, or with the id of a post that
    may be another one of ours, proves nothing. The post waits for a person then.
    """
    named = [*([report.external_id] if report.external_id else []), *_URN_IN_TEXT.findall(report.error)]
    ours, may_be_anothers = _find_ours(named, window)
    if ours is not None and not may_be_anothers:
        return _out(Outcome.ALREADY_THERE, report, ours)
    is_undated = window is not None and window.earlier and not any(created_at(urn) for urn in named)
    if ours is not None or is_undated:
        return explained(Outcome.PERMANENT, "outcome_unknown", report.error, report.http_status)
    verdict = explained(Outcome.PERMANENT, "duplicate_content", report.error, report.http_status)
    return replace(verdict, message=_naming(named[0])) if named else verdict


def _find_ours(named: list[str], window: SendWindow | None) -> tuple[str | None, bool]:
    """Return the first id from our own window, and whether it may be of another post of ours.

    The second question comes first. A report that brings the id to the other post in between is noticed by `holds`.
    """
    if window is None:
        return None, False
    for urn in named:
        may_be_anothers = window.may_be_anothers(urn)
        if window.holds(urn):
            return urn, may_be_anothers
    return None, False


def _naming(post_id: str) -> str:
    """Return the sentence on a duplicate with the id of the older post."""
    sentence, cure = EXPLANATIONS["duplicate_content"].sentence, EXPLANATIONS["duplicate_content"].cure
    return f"{sentence.removesuffix('.')}: {mask_and_truncate(post_id)}. {cure}"


def _out(outcome: Outcome, report: Report, external_id: str | None) -> Verdict:
    """Return the verdict on a failure report that proves the post to be out."""
    detail = mask_and_truncate(report.error)
    return Verdict(outcome, detail=detail, http_status=report.http_status, external_id=external_id)
