"""Bad bulk bodies: JSON and CSV that no spreadsheet should be able to send, each with a clear error."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.web.site import HOUR, NOW, Site, User, json_of, refused, wire_form

DUE = wire_form(NOW + HOUR)
HEADER = "content,scheduledAt"


def send(user: User, text: str | bytes, query: str = "", **headers: str) -> TestResponse:
    raw = text.encode() if isinstance(text, str) else text
    return user.post(f"/api/posts/bulk{query}", data=raw, headers={"Content-Type": "text/csv", **headers})


def rows_of(user: User, text: str | bytes, query: str = "") -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json_of(send(user, text, query))["results"]
    return results


def contents(user: User) -> list[str]:
    return sorted(post["content"] for post in json_of(user.get("/api/posts"))["data"])


def test_csv_rows_are_done_with_their_line_numbers(alice: User):
    alice.account()
    post = alice.draft()["id"]
    lines = ["op,postId,content,scheduledAt,timeZone,fold,force,media"]
    lines += ["create,,Hello,2026-12-01T09:00:00,Europe/Berlin,0,,", f"schedule,{post},,{DUE},,,true,"]
    lines += ["", ",,No op,,,,,", 'create,,Image,,,,,"[{""url"":""https://example.com/a.png"",""type"":""image""}]"']
    results = rows_of(alice, "\n".join(lines))
    assert [(one["row"], one["status"]) for one in results] == [(2, "done"), (3, "done"), (5, "done"), (6, "done")]
    assert results[0]["scheduledAt"] == "2026-12-01T08:00:00.000Z"
    assert alice.read(results[3]["postId"])["media"] == [{"url": "https://example.com/a.png", "type": "image"}]


def test_a_byte_order_mark_is_skipped(alice: User):
    [one] = rows_of(alice, b"\xef\xbb\xbfcontent\r\nHello\r\n")
    assert (one["row"], one["status"]) == (2, "done")


def test_semicolons_separate_where_the_header_has_no_comma(alice: User):
    alice.account()
    [one] = rows_of(alice, f"content;scheduledAt\nOne, two;{DUE}\n")
    assert (one["status"], one["scheduledAt"], contents(alice)) == ("done", DUE, ["One, two"])


def test_line_breaks_in_a_cell_are_kept_and_counted(alice: User):
    results = rows_of(alice, 'content,platform\r\n"One\r\ntwo\nthree",linkedin\r\nNext,mars\r\n')
    assert [(one["row"], one["status"]) for one in results] == [(2, "done"), (5, "refused")]
    assert contents(alice) == ["One\r\ntwo\nthree"]


def test_1001_rows_are_refused_with_the_limit(site: Site, alice: User):
    body = refused(send(alice, "content\n" + "Hello\n" * 1_001), 422, "too_many_rows")
    assert (body["errors"][0]["limit"], body["errors"][0]["actual"]) == (1_000, 1_001)
    refused(alice.post("/api/posts/bulk", json={"operations": [{"op": "cancel"}] * 1_001}), 422, "too_many_rows")
    assert site.rows("SELECT count(*) FROM posts") == [(0,)]


def test_a_spread_counts_each_of_its_posts_as_a_row(alice: User):
    ids = ["00000000-0000-4000-8000-000000000000"] * 501
    move = {"op": "move", "postIds": ids, "from": DUE, "until": DUE}
    refused(alice.post("/api/posts/bulk", json={"operations": [move, move]}), 422, "too_many_rows")


def test_an_unknown_column_is_refused_and_named(alice: User):
    body = refused(send(alice, "content,scheduledOn\nHello,\n"), 422, "unknown_column")
    assert (body["errors"][0]["field"], "scheduledAt" in body["detail"]) == ("scheduledOn", True)


def test_a_repeated_column_is_refused(alice: User):
    refused(send(alice, "content,content\nHello,Hi\n"), 422, "repeated_column")


@pytest.mark.parametrize("bad", ["Gr\xfc\xdfe".encode("latin-1"), "Hi".encode("utf-16")])
def test_another_encoding_is_refused_with_its_line(site: Site, alice: User, bad: bytes):
    body = refused(send(alice, b"content\nHello\n" + bad + b"\n"), 422, "not_utf8")
    assert "Line 3 " in body["detail"]
    assert site.rows("SELECT count(*) FROM posts") == [(0,)]


def test_a_nul_in_a_cell_refuses_its_row(alice: User):
    results = rows_of(alice, b"content\nHe\0llo\nGood\n")
    assert [(one["row"], one["status"]) for one in results] == [(2, "refused"), (3, "done")]
    assert "NUL" in results[0]["message"]


def test_a_huge_cell_is_refused(alice: User):
    [long, good] = rows_of(alice, f"content\n{'x' * 100_001}\nGood\n")
    assert (long["errors"][0]["limit"], long["errors"][0]["actual"], good["status"]) == (100_000, 100_001, "done")
    body = refused(send(alice, f"content\nGood\n{'x' * 140_000}\n"), 422, "invalid_csv")
    assert "line 3" in body["detail"]


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(alice: User, text: str):
    refused(send(alice, text), 422, "empty_file")


@pytest.mark.parametrize("text", ["content\n", "content\n\n\n", "content,platform\n,\n"])
def test_a_header_alone_is_refused(alice: User, text: str):
    refused(send(alice, text), 422, "no_rows")


@pytest.mark.parametrize("text", ['content\n"open', 'content\n"a"b\n'])
def test_broken_quotes_are_refused_with_the_line(alice: User, text: str):
    assert "line 2" in refused(send(alice, text), 422, "invalid_csv")["detail"]


def test_a_row_with_more_cells_than_columns_is_refused(alice: User):
    results = rows_of(alice, "content,platform\nHello,linkedin,more\nHi,linkedin,,\n")
    assert [one.get("code") for one in results] == ["too_many_cells", None]


@pytest.mark.parametrize(
    ("column", "cell"), [("fold", "2"), ("force", "maybe"), ("media", "a.png"), ("media", "[" * 5_000), ("postId", "1")]
)
def test_a_wrong_cell_refuses_its_row(alice: User, column: str, cell: str):
    op = "retry" if column in ("force", "postId") else "create"
    other = "postId" if column == "force" else "content" if op == "create" else "by"
    [one] = rows_of(alice, f"op,{column},{other}\n{op},{cell},x\n")
    assert one["status"] == "refused"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_another_content_type_is_refused(alice: User, kind: str):
    refused(send(alice, "content\nHello\n", **{"Content-Type": kind}), 415, "json_required")


def test_csv_is_taken_nowhere_else(alice: User):
    answer = alice.post("/api/posts", data=b"content\nHello\n", headers={"Content-Type": "text/csv"})
    refused(answer, 415, "json_required")


def test_the_query_carries_the_options_of_a_csv(site: Site, alice: User):
    answer = json_of(send(alice, "content\nHello\n", "?dryRun=true"))
    assert (answer["dryRun"], answer["done"]) == (True, 1)
    answer = json_of(send(alice, "content,platform\nHello,\nHi,mars\n", "?atomic=true"))
    assert (answer["done"], answer["refused"]) == (0, 2)
    assert site.rows("SELECT count(*) FROM posts") == [(0,)]
    refused(send(alice, "content\nHello\n", "?dryRun=maybe"), 422, "invalid_fields")


@pytest.mark.parametrize(
    "body", [[], {}, {"operations": []}, {"operations": {}}, {"operations": None}, {"operations": [{}], "more": 1}]
)
def test_a_body_of_another_form_is_refused(alice: User, body: Any):
    assert alice.post("/api/posts/bulk", json=body).status_code in (400, 422)


@pytest.mark.parametrize("row", [None, 7, [], {"op": 7}, {"op": None}, {"op": "create", "content": "x", "postId": "1"}])
def test_a_row_of_another_form_is_refused_alone(alice: User, row: Any):
    body = {"operations": [row, {"op": "create", "content": "Good"}]}
    bad, good = json_of(alice.post("/api/posts/bulk", json=body))["results"]
    assert (bad["status"], good["status"]) == ("refused", "done")


def test_broken_json_is_refused(alice: User):
    for raw in (b"{", b"[" * 100_000, b"\xff"):
        answer = alice.post("/api/posts/bulk", data=raw, headers={"Content-Type": "application/json"})
        refused(answer, 400, "malformed_json")


def test_a_thousand_usual_rows_fit_into_the_limit_of_a_body(alice: User):
    account = alice.account()["id"]
    text = "A usual post of six hundred characters, with commas, line breaks\n and a link. " * 7
    row = {"op": "create", "content": text, "socialAccountId": account, "timeZone": "Europe/Berlin"}
    body = json.dumps({"operations": [row | {"scheduledAt": "2026-12-01T09:00:00"}] * 1_000})
    answer = alice.post("/api/posts/bulk?dryRun=true", data=body, headers={"Content-Type": "application/json"})
    assert json_of(answer)["done"] == 1_000


def test_a_body_above_the_limit_says_the_limit(alice: User):
    assert "1 MB" in refused(send(alice, "content\n" + "x" * 1_000_000), 413, "too_large")["detail"]
