"""Tests of QStashMessages: batches, cancelling and the check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.adapters import qstash as module
from app.domain.ports import MessageServiceError
from tests.adapters.qstash_fixtures import BASE, Answer, accepts, alarm, messages, refuses
from tests.adapters.servers import (
    HttpServer,
    Seen,
    http_server,
    says,
)


class TestBatch:
    def test_batch_is_sent_in_hundreds_and_answered_in_order(self) -> None:
        with http_server(accepts) as qstash:
            answers = messages(qstash.url).publish_batch([alarm(n) for n in range(250)])
        assert answers == [f"msg_post-p{n}" for n in range(250)]
        assert [len(seen.json()) for seen in qstash.seen] == [100, 100, 50]

    def test_batch_item_equals_a_single_publish(self) -> None:
        with http_server(accepts) as qstash:
            service = messages(qstash.url, internal_api_secret="internal-secret-123", n8n_parallelism=2)
            service.publish(alarm())
            service.publish_batch([alarm()])
        alone, batch = qstash.seen
        [item] = batch.json()
        assert item["destination"] == f"{BASE}/api/posts/dispatch"
        assert item["body"] == alone.body.decode()
        assert isinstance(item["body"], str)
        ours = {name: text for name, text in alone.headers.items() if name.startswith(("upstash-", "content-type"))}
        assert {name.lower(): text for name, text in item["headers"].items()} == ours

    def test_empty_batch_makes_no_call(self) -> None:
        assert messages("http://127.0.0.1:9").publish_batch([]) == []

    def run(self, bad: set[int], count: int, answer: Callable[[Seen], Answer]) -> tuple[list[Any], HttpServer]:
        """Publish `count` alarms. Batches with an alarm in `bad` get `answer`."""

        def judge(seen: Seen) -> Answer:
            labels = {item["headers"]["Upstash-Label"] for item in seen.json()}
            return answer(seen) if labels & {f"post-p{n}" for n in bad} else accepts(seen)

        with http_server(judge) as qstash:
            return messages(qstash.url).publish_batch([alarm(n) for n in range(count)]), qstash

    @pytest.mark.parametrize("bad", [{0}, {57}, {99}, {3, 4, 150}])
    def test_only_bad_items_fail_when_a_batch_is_refused(self, bad: set[int]) -> None:
        answers, _ = self.run(bad, 160, refuses(412, "quota maxDelay exceeded, current limit: 604800"))
        failed = {n for n, answer in enumerate(answers) if isinstance(answer, MessageServiceError)}
        assert failed == bad
        assert all(answers[n].code == "beyond_horizon" for n in bad)
        assert [answers[n] for n in range(160) if n not in bad] == [
            f"msg_post-p{n}" for n in range(160) if n not in bad
        ]

    def test_calls_are_bounded_when_all_items_are_bad(self) -> None:
        answers, qstash = self.run(set(range(300)), 300, refuses(400, "invalid destination url"))
        assert {answer.code for answer in answers} == {"refused"}
        assert len(qstash.seen) <= 3 + 2 * module.MAX_SPLITS

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (refuses(401, "invalid token"), "unauthorized"),
            (refuses(429, "daily", RateLimit_Limit="1000"), "quota_exceeded"),
            (refuses(429, "burst"), "rate_limited"),
            (refuses(500, "oops"), "unreachable"),
        ],
    )
    def test_other_batches_are_not_sent_when_qstash_fails(self, answer: Callable[[Seen], Answer], code: str) -> None:
        answers, qstash = self.run({150}, 300, answer)
        assert answers[:100] == [f"msg_post-p{n}" for n in range(100)]
        assert {item.code for item in answers[100:]} == {code}
        assert len(qstash.seen) == 2

    def test_one_missing_id_fails_only_its_item(self) -> None:
        with http_server(says(200, [{"messageId": "msg_a"}, {"messageId": None}])) as qstash:
            first, second = messages(qstash.url).publish_batch([alarm(1), alarm(2)])
        assert first == "msg_a"
        assert isinstance(second, MessageServiceError)
        assert second.code == "broken_answer"

    @pytest.mark.parametrize("value", [[], [{"messageId": "msg_a"}], [{}, {}], {}, None, "x", [None, None], [[], []]])
    def test_malformed_answer_fails_the_whole_batch(self, value: object) -> None:
        with http_server(says(200, value)) as qstash:
            answers = messages(qstash.url).publish_batch([alarm(1), alarm(2)])
        assert [getattr(answer, "code", answer) for answer in answers] == ["broken_answer"] * 2
        assert len(qstash.seen) == 1


class TestCancel:
    def test_cancel_returns_true_for_a_pending_message(self) -> None:
        with http_server(lambda _: (202, {}, b"")) as qstash:
            assert messages(qstash.url).cancel("msg_1-A_b") is True
        assert [(seen.method, seen.path, seen.body) for seen in qstash.seen] == [
            ("DELETE", "/v2/messages/msg_1-A_b", b"")
        ]

    def test_cancel_returns_false_for_an_unknown_message(self) -> None:
        with http_server(refuses(404, "message msg_1 not found")) as qstash:
            assert messages(qstash.url).cancel("msg_1") is False

    @pytest.mark.parametrize("status", [400, 401, 500])
    def test_cancel_raises_when_the_call_fails(self, status: int) -> None:
        answer = refuses(status, "404 is not the status")
        with http_server(answer) as qstash, pytest.raises(MessageServiceError):
            messages(qstash.url).cancel("msg_1")

    @pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a?b", "msg_1\n", "msg 1", "ü", "%2e", "a,b"])
    def test_cancel_refuses_malformed_ids_without_a_call(self, bad: str) -> None:
        with http_server() as qstash, pytest.raises(ValueError, match="not a message id"):
            messages(qstash.url).cancel(bad)
        assert qstash.seen == []


class TestCheck:
    def test_check_passes_with_the_right_token_and_keys(self) -> None:
        with http_server(says(200, {"current": "sig_now", "next": "sig_next"})) as qstash:
            assert messages(qstash.url).check() is None
        assert [(seen.method, seen.path) for seen in qstash.seen] == [("GET", "/v2/keys")]

    def test_check_passes_when_our_next_key_became_current(self) -> None:
        with http_server(says(200, {"current": "sig_next", "next": "sig_later"})) as qstash:
            assert messages(qstash.url).check() is None

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (says(200, {"current": "sig_other", "next": "sig_now"}), "Copy both keys again"),
            (refuses(401, "invalid token"), "QStash refuses QSTASH_TOKEN"),
            (refuses(429, "burst"), "wait, or raise the plan's limits"),
            (refuses(502, "oops"), "cannot be reached"),
            (lambda _: (200, {}, b"<html>"), "check that QSTASH_URL is QStash's"),
        ],
    )
    def test_check_reports_a_problem_and_a_fix(self, answer: Callable[[Seen], Answer], sentence: str) -> None:
        with http_server(answer) as qstash:
            assert sentence in str(messages(qstash.url).check())
