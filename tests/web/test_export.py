"""The export of posts as CSV: the list's filters, harmless cells, and parts."""

import csv
import io

import pytest
from werkzeug.test import TestResponse

from tests.web.site import User, refused


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    assert (answer.status_code, answer.mimetype) == (200, "text/csv"), answer.get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_an_export_has_the_posts_of_the_list(alice: User, bob: User):
    post = alice.scheduled(content='Ä, "quoted"\nline', imageUrl="https://example.com/a.png")
    alice.draft()
    bob.draft()
    assert [row["status"] for row in rows_of(alice.get("/api/posts/export.csv"))] == ["draft", "scheduled"]
    [row] = rows_of(alice.get("/api/posts/export.csv?status=scheduled"))
    for name in ("id", "content", "scheduledAt", "imageUrl", "socialAccountId", "createdAt"):
        assert row[name] == post[name]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_looks_like_a_formula_is_harmless(alice: User, text: str):
    alice.draft(content=text)
    [row] = rows_of(alice.get("/api/posts/export.csv"))
    assert row["content"] == f"'{text}"


def test_a_long_export_comes_in_parts(alice: User):
    ids = [alice.draft(content=f"Post {number}")["id"] for number in range(5)]
    found, query = [], "limit=2"
    while query:
        answer = alice.get(f"/api/posts/export.csv?{query}")
        found += [row["id"] for row in rows_of(answer)]
        cursor = answer.headers.get("X-Next-Cursor")
        query = f"limit=2&cursor={cursor}" if cursor else ""
    assert found == ids[::-1]


@pytest.mark.parametrize("query", ["limit=1001", "status=mars", "fields=id", "cursor=x"])
def test_a_wrong_query_is_refused(alice: User, query: str):
    assert alice.get(f"/api/posts/export.csv?{query}").status_code == 422


def test_a_stranger_gets_no_export(site: object, alice: User):
    refused(alice.site.anonymous.get("/api/posts/export.csv"), 401, "unauthorized")
