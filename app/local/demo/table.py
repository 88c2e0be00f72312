"""The demo's table: one line per post with its promised instant, its send and its outcome."""

from datetime import UTC, datetime

from app.local.demo.cases import Case, Kind, instant
from app.local.demo.checks import lateness_ms, ms_after

HEADS = ("post", "promised (UTC)", "sent by the app", "arrived at n8n", "late", "tries", "outcome", "")
RIGHT_ALIGNED = (4, 5)


def table(cases: list[Case], failed: dict[str, list[str]]) -> str:
    """Format the cases as a table. `failed` maps each post id to its failed checks."""
    rows = [_row(case, ok=not failed[case.post_id]) for case in cases]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    lines = [_line(HEADS, widths), "  ".join("─" * width for width in widths)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def _row(case: Case, *, ok: bool) -> tuple[str, ...]:
    late = lateness_ms(case)
    sent = case.attempts[-1].get("sentAt") if case.attempts else None
    return (
        case.title,
        _clock(case.due),
        _clock(instant(sent)) if sent else "–",
        _clock(_from_ms(case.sends[-1]["receivedAtMs"])) if case.sends else "–",
        f"{late:.0f} ms" if late is not None else "–",
        str(len(case.sends)),
        _outcome(case),
        "✓" if ok else "✗",
    )


def _outcome(case: Case) -> str:
    status = str(case.post.get("status", "?"))
    if case.kind is Kind.UNSCHEDULED:
        return f"{status}, never sent" if not case.sends else f"{status}, but sent"
    if case.kind is Kind.RETRIED and case.sends:
        return f"{status}, first try refused at +{ms_after(case.due, case.sends[0]['receivedAtMs']):.0f} ms"
    if case.kind is Kind.SWEPT:
        return f"{status}, found by the sweep"
    return status


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    aligned = [
        cell.rjust(width) if index in RIGHT_ALIGNED else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


def _from_ms(epoch_ms: float) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
