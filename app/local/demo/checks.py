"""Check the demo's result against the requests that arrived at n8n, not only against the app's records."""

from collections.abc import Iterator
from datetime import datetime
from statistics import median

from app.local.demo.cases import Case, Kind, instant

# A post is on time within its second. An idle machine measures about 10 ms of lateness, a busy one more.
ON_TIME_MS = 1000.0
# The app records a send just before it, the ledger at its arrival. A larger gap means that one of the two is wrong.
SAME_SEND_MS = 1000.0
ROUNDING_MS = 1.0  # the API rounds to whole milliseconds


def lateness_ms(case: Case) -> float | None:
    """Return the time from the promised instant to the last send's arrival. None: never sent."""
    return ms_after(case.due, case.sends[-1]["receivedAtMs"]) if case.sends else None


def ms_after(due: datetime, epoch_ms: float) -> float:
    return epoch_ms - due.timestamp() * 1000


def median_on_time_ms(cases: list[Case]) -> float | None:
    late = [lateness_ms(case) for case in cases if case.kind is Kind.ON_TIME]
    known = [ms for ms in late if ms is not None]
    return median(known) if known else None


def violations(case: Case, sweep_limit_ms: float, on_time_ms: float = ON_TIME_MS) -> list[str]:
    """Return one sentence for each failed check of a case.

    The first send may be late by `sweep_limit_ms` if the sweep had to find the post, else by `on_time_ms`.
    """
    if case.kind is Kind.UNSCHEDULED:
        return list(_never_sent(case))
    found = [*_published_once(case), *_never_early(case), *_consistent(case)]
    return found or list(_as_expected(case, sweep_limit_ms, on_time_ms))


def _never_sent(case: Case) -> Iterator[str]:
    if case.post.get("status") != "draft":
        yield f"its status is {case.post.get('status')}, not draft"
    if case.sends or case.copies or case.attempts:
        yield f"it was sent although it was unscheduled: {len(case.sends)} sends, {len(case.copies)} copies"


def _published_once(case: Case) -> Iterator[str]:
    if not case.published:
        yield f"its status is {case.post.get('status')}, not published ({case.post.get('errorMessage') or 'no error'})"
    if len(case.copies) != 1:
        yield f"there are {len(case.copies)} copies of it on the network, not 1"
    elif case.post.get("linkedinPostUrn") != case.copies[0]["urn"]:
        yield f"the app's URN is {case.post.get('linkedinPostUrn')}, the network's {case.copies[0]['urn']}"
    if instant(case.post.get("scheduledAt") or "1970-01-01T00:00:00Z") != case.due:
        yield f"its promised instant was changed to {case.post.get('scheduledAt')}"


def _never_early(case: Case) -> Iterator[str]:
    for send in case.sends:
        if (ms := ms_after(case.due, send["receivedAtMs"])) < 0:
            yield f"it arrived {-ms:.1f} ms early"


def _consistent(case: Case) -> Iterator[str]:
    """Check the app's records: an unbroken chain of transitions, and one attempt for each arrived send."""
    steps = case.transitions
    if [step["to"] for step in steps[:-1]] != [step["from"] for step in steps[1:]]:
        yield "its transitions do not follow from one another"
    if not steps or steps[-1]["to"] != case.post.get("status"):
        yield "its last transition does not lead to its status"
    if [one["attempt"] for one in case.attempts] != [send["attempt"] for send in case.sends]:
        yield f"{len(case.attempts)} attempts are recorded, {len(case.sends)} sends arrived"
        return
    for one, send in zip(case.attempts, case.sends, strict=True):
        yield from _same_send(case, one.get("sentAt"), one.get("latenessMs"), send["receivedAtMs"])


def _same_send(case: Case, sent_at: str | None, lateness: float | None, arrived_ms: float) -> Iterator[str]:
    if sent_at is None or lateness is None:
        yield "a send has no instant or no lateness in its timeline"
        return
    gap = ms_after(instant(sent_at), arrived_ms)
    if not -ROUNDING_MS <= gap <= SAME_SEND_MS:
        yield f"the app says it was sent at {sent_at}, {gap:.0f} ms before it arrived"
    if abs(ms_after(case.due, instant(sent_at).timestamp() * 1000) - lateness) > 2 * ROUNDING_MS:
        yield f"its recorded lateness of {lateness} ms does not fit its instants"


def _as_expected(case: Case, sweep_limit_ms: float, on_time_ms: float) -> Iterator[str]:
    tries, retries = len(case.sends), case.post.get("retryCount")
    wanted = (2, 1) if case.kind is Kind.RETRIED else (1, 0)
    if (tries, retries) != wanted:
        yield f"it took {tries} sends and {retries} counted failures, not {wanted[0]} and {wanted[1]}"
    if not case.sends:
        return
    first = ms_after(case.due, case.sends[0]["receivedAtMs"])
    limit = sweep_limit_ms if case.kind is Kind.SWEPT else on_time_ms
    if first > limit:
        yield f"its first send was {first:.0f} ms late ({limit:.0f} ms are allowed)"
