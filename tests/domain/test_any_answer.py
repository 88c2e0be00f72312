"""Reading n8n's answers and reports never raises."""

from datetime import UTC, datetime
from typing import get_args, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from app.domain.explanations import SENTENCES
from app.domain.outcomes import MAX_ERROR_TEXT, Outcome, Report, Verdict, read_reply
from app.domain.ports import Reply
from app.domain.reports import SendWindow, read_report
from tests.support.fakes import urn_at

NOW = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
URN = urn_at(NOW)

surrogates = st.text(alphabet=st.characters() | st.characters(categories=["Cs"]))
statuses = st.none() | st.integers(-(10**6), 10**6)


def well_formed(verdict: Verdict) -> bool:
    assert verdict.detail is None or (len(verdict.detail) <= MAX_ERROR_TEXT and "\0" not in verdict.detail)
    (verdict.detail or "").encode()
    named = verdict.code == "duplicate_content" and verdict.message is not None
    return verdict.code is None or named or verdict.message == SENTENCES[verdict.code]


@given(
    st.builds(
        Reply,
        kind=st.sampled_from(get_args(get_type_hints(Reply)["kind"])),
        sent_at=st.just(NOW),
        status=statuses,
        retry_after=st.none() | surrogates,
        body=surrogates,
        error=surrogates,
    )
)
def test_read_reply_accepts_any_answer(reply: Reply):
    verdict = read_reply(reply, NOW)
    assert well_formed(verdict)
    if reply.kind == "answered" and reply.status is not None and 200 <= reply.status < 300:
        assert verdict.outcome is Outcome.ACCEPTED


words = st.sampled_from(
    ["DUPLICATE", "duplicate of ", URN, "190", "REVOKED_ACCESS_TOKEN", "validation", "\0", "\ud800"]
)
texts = surrogates | st.lists(words, max_size=400).map("".join)


@given(
    report=st.builds(
        Report,
        post_id=st.just("post-1"),
        published=st.booleans(),
        external_id=st.none() | st.text(),
        error=texts,
        error_code=texts,
        http_status=statuses,
        retryable=st.sampled_from([None, True, False]),
    ),
    earlier=st.booleans(),
)
def test_read_report_accepts_any_report(report: Report, earlier: bool):
    verdict = read_report(report, window=SendWindow(NOW, NOW, earlier) if earlier else None)
    assert well_formed(verdict)
    assert (verdict.outcome is Outcome.PUBLISHED) is report.published
    assert earlier or verdict.outcome is not Outcome.ALREADY_THERE
