"""Details for programs: the field of an error, the status of an attempt, possibly published attempts."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.content.text import text_length
from app.domain.errors import Invalid
from app.domain.outcomes import Outcome, Report
from app.domain.post import Attempt
from app.domain.reports import read_report
from app.domain.resend import may_be_out
from app.domain.times import parse_chosen_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def attempt(sent: bool, outcome: str | None) -> Attempt:
    sent_at = NOW if sent else None
    return Attempt("post", 1, 1, "message", NOW, sent_at, None, None, outcome, None, None, None, None, None)


@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_attempt_may_be_out_when_sent_and_result_unknown(outcome: str | None):
    untold = outcome in (None, "accepted", "unknown")
    assert may_be_out(attempt(True, outcome)) is untold
    assert may_be_out(attempt(False, outcome)) is False


@pytest.mark.parametrize("away", [timedelta(days=-1), timedelta(days=731)])
def test_instant_out_of_range_names_its_field(away: timedelta):
    with pytest.raises(Invalid) as refused:
        parse_chosen_time((NOW + away).isoformat(), None, 0, NOW, 730.0)
    assert [error.field for error in refused.value.errors] == ["scheduledAt"]


def test_refused_duplicate_keeps_the_http_status():
    report = Report("post", False, error_code="DUPLICATE_POST", http_status=422)
    verdict = read_report(report)
    assert (verdict.code, verdict.http_status) == ("duplicate_content", 422)


def test_a_length_is_a_whole_number():
    assert repr(text_length("abc")) == "3"
