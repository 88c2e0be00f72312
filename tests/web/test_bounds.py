"""Bounds of one caller's time and memory: runs of marks, lengths before items, fields of objects, sizes of answers."""

import base64
import json
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.domain.outcomes import Report
from app.store.posts.pages import MAX_PAGE_BYTES
from app.store.schema.tables import posts, transitions
from app.web import fields
from tests.support.databases import record_statements
from tests.web.site import HOUR, NOW, Site, User, json_of, refused
from tests.web.test_accounts import BODY as ACCOUNT

ID = "0c5f3d5e-0000-4000-8000-000000000000"
MARKS = "a" + "\u0301" * 31
EMOJI = "😀" * 100_000  # 400,000 bytes


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/posts", {"content": MARKS}, "content"),
        ("POST", "/api/posts", {"content": "x", "platform": MARKS}, "platform"),
        ("POST", "/api/posts", {"content": "x", "imageUrl": f"https://{MARKS}.example/x"}, "imageUrl"),
        ("POST", "/api/posts", {"content": "x", "media": [{"url": MARKS, "type": "image"}]}, "media.0.url"),
        ("PATCH", f"/api/posts/{ID}", {"content": MARKS}, "content"),
        ("POST", f"/api/posts/{ID}/schedule", {"scheduledAt": MARKS}, "scheduledAt"),
        ("POST", f"/api/posts/{ID}/schedule", {"scheduledAt": "2027-01-01T00:00", "timeZone": MARKS}, "timeZone"),
        ("POST", "/api/companies", {"name": MARKS}, "name"),
        ("PATCH", f"/api/companies/{ID}", {"name": MARKS}, "name"),
        ("POST", f"/api/companies/{ID}/clients", {"name": MARKS}, "name"),
        ("POST", "/api/social-accounts", ACCOUNT | {"accountName": MARKS}, "accountName"),
        ("PATCH", f"/api/social-accounts/{ID}", {"accountName": MARKS}, "accountName"),
    ],
)
def test_more_than_thirty_marks_in_a_row_are_refused(
    small_site: Site, method: str, path: str, body: dict[str, Any], field: str
):
    problem = refused(small_site.user("alice").open(method, path, json=body), 422, "invalid_fields")
    [error] = problem["errors"]
    assert (error["field"], error["code"]) == (field, "too_many_marks")
    assert (error["limit"], error["actual"]) == (30, 31)


def test_thirty_marks_in_a_row_are_stored_unchanged(site: Site, alice: User):
    assert alice.draft(content=MARKS[:-1])["content"] == MARKS[:-1]


def test_stored_text_with_too_many_marks_is_scheduled_without_a_comparison(site: Site, alice: User):
    alice.account()
    ids = [alice.draft()["id"] for _ in range(2)]
    with site.services.deps.db.transaction() as tx:
        tx.execute(sa.update(posts).values(content=MARKS, content_hash=None))
    answers = [alice.schedule(id, NOW + n * HOUR) for n, id in enumerate(ids, 1)]
    assert [answer["warnings"] for answer in answers] == [[], []]
    assert site.rows("SELECT content_hash FROM posts WHERE content_hash IS NOT NULL") == []


def test_post_from_before_hashes_is_compared_once_scheduled(site: Site, alice: User):
    alice.account()
    ids = [alice.draft(content="Same")["id"] for _ in range(2)]
    with site.services.deps.db.transaction() as tx:
        tx.execute(sa.update(posts).values(content_hash=None))
    answers = [alice.schedule(id, NOW + n * HOUR) for n, id in enumerate(ids, 1)]
    assert [[one["code"] for one in answer["warnings"]] for answer in answers] == [[], ["duplicate_text"]]


def test_edited_text_is_compared_in_its_new_form(site: Site, alice: User):
    alice.account()
    first, second = alice.draft(content="One")["id"], alice.draft(content="Two")["id"]
    alice.schedule(first, NOW + HOUR)
    json_of(alice.patch(f"/api/posts/{second}", json={"content": "ONE "}))
    assert [one["code"] for one in alice.schedule(second, NOW + 2 * HOUR)["warnings"]] == ["duplicate_text"]
    json_of(alice.patch(f"/api/posts/{second}", json={"content": "Two"}))
    assert alice.schedule(second, NOW + 2 * HOUR)["warnings"] == []


@pytest.mark.parametrize("item", [0, {}, [], {"url": "x"}], ids=str)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_list_too_long_is_refused_before_its_items(small_site: Site, method: str, item: Any):
    path = "/api/posts" if method == "POST" else f"/api/posts/{ID}"
    body = {"content": "x", "media": [item] * 50_000}
    problem = refused(small_site.user("alice").open(method, path, json=body), 422, "invalid_fields")
    [error] = problem["errors"]
    assert (error["field"], error["code"], error["limit"], error["actual"]) == ("media", "too_long", 20, 50_000)


def test_an_object_is_no_list(small_site: Site):
    problem = refused(
        small_site.user("alice").post("/api/posts", json={"content": "x", "media": {}}), 422, "invalid_fields"
    )
    assert [error["field"] for error in problem["errors"]] == ["media"]


@pytest.mark.parametrize("nested", [False, True])
def test_an_object_of_too_many_fields_is_one_error(small_site: Site, nested: bool):
    many = {f"k{n}": n for n in range(20_000)}
    body = {"content": "x", "media": [many]} if nested else many
    [error] = refused(small_site.user("alice").post("/api/posts", json=body), 422, "invalid_fields")["errors"]
    assert (error["field"], error["code"]) == ("media.0" if nested else "body", "too_many_fields")
    assert error["actual"] == 20_000


def test_a_few_unknown_fields_are_each_named(small_site: Site):
    body = {"content": "x"} | {f"k{n}": n for n in range(3)}
    errors = refused(small_site.user("alice").post("/api/posts", json=body), 422, "invalid_fields")["errors"]
    assert {(error["field"], error["code"]) for error in errors} == {(f"k{n}", "unknown_field") for n in range(3)}


def test_a_report_of_a_workflow_may_have_any_number_of_fields(site: Site, alice: User):
    post = site.sent(alice)
    body = {"postId": post["id"], "status": "published", "linkedinPostUrn": "urn:li:share:7"}
    assert json_of(site.n8n.post("/api/webhooks/publish-status", json=body | {f"k{n}": n for n in range(500)}))[
        "applied"
    ]


@pytest.mark.parametrize("name", ["x" * 100_000, "é" * 100_000, "\ud800" * 300], ids=["plain", "accents", "halves"])
def test_long_name_of_a_field_is_cut_in_the_answer(small_site: Site, name: str):
    answer = small_site.user("alice").post("/api/posts", json={"content": "x", name: 1})
    assert refused(answer, 422, "invalid_fields")["errors"][0]["field"] == name[:200] + "…"
    assert len(answer.get_data()) < 4_000


def test_a_long_text_is_refused_before_its_characters_are_looked_at(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []

    def note(text: str) -> int:
        seen.append(len(text))
        return 1

    monkeypatch.setattr(fields, "longest_run", note)
    monkeypatch.setattr(fields, "is_name", note)
    user = small_site.user("alice")
    refused(user.post("/api/posts", json={"content": "é" * 100_001}), 422, "invalid_fields")
    refused(user.post("/api/companies", json={"name": "é" * 100_001}), 422, "invalid_fields")
    assert seen == []


@pytest.mark.parametrize(("length", "status"), [(253, 201), (254, 422)])
def test_a_host_is_refused_beyond_its_length(small_site: Site, length: int, status: int):
    host = ("a" * 49 + ".") * 5 + "b" * (length - 250)
    answer = small_site.user("alice").post("/api/posts", json={"content": "x", "imageUrl": f"https://{host}/x"})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "error", ["x" * 300_000, ["x-"] * 100_000, {"error": "x" * 300_000}], ids=["text", "list", "object"]
)
def test_a_workflows_error_is_read_up_to_a_bound(site: Site, alice: User, error: Any, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []

    def note(_deps: object, report: Report) -> Any:
        seen.append(len(report.error))
        raise Unavailable

    post = site.sent(alice)
    monkeypatch.setattr("app.delivery.report.apply_report", note)
    body = {"postId": post["id"], "status": "failed", "error": error}
    assert site.n8n.post("/api/webhooks/publish-status", json=body).status_code == 503
    assert seen == [100_000]


@pytest.mark.parametrize(("length", "code"), [(16_000, "invalid_fields"), (16_001, "too_long")])
def test_a_query_is_refused_beyond_its_length(small_site: Site, length: int, code: str):
    problem = refused(small_site.user("alice").get("/api/posts?a=" + "x" * (length - 2)), 422, code)
    assert problem["errors"][0]["code"] in ("unknown_field", "too_long")


def test_at_most_fifty_parameters_are_named(small_site: Site):
    query = "&".join(f"a{n}=1" for n in range(1000))
    assert len(refused(small_site.user("alice").get(f"/api/posts?{query}"), 422, "invalid_fields")["errors"]) == 50


def test_a_page_of_long_texts_ends_early_and_the_cursor_shows_the_rest(site: Site, alice: User):
    ids = [alice.draft(content=EMOJI)["id"] for _ in range(5)]
    found, cursor, sizes = [], "", []
    while True:
        answer = alice.get(f"/api/posts?limit=200{cursor}")
        page = json_of(answer)
        found += [post["id"] for post in page["data"]]
        sizes.append(len(answer.get_data()))
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert sorted(found) == sorted(ids)
    assert len(sizes) == 3  # two texts of 400,000 bytes each fit into a page
    assert max(sizes) < MAX_PAGE_BYTES * 1.1


def test_texts_beyond_the_page_are_not_read(site: Site, alice: User):
    for _ in range(4):
        alice.draft(content=EMOJI)
    with record_statements(site.services.deps.db.engine, "SELECT") as sent:
        assert len(json_of(alice.get("/api/posts?limit=200"))["data"]) == 2
    with_texts = [one for one in sent if "posts.content," in one]
    assert len(with_texts) == 1
    assert "posts.id IN" in with_texts[0]


def test_answers_are_utf_8_without_escapes(site: Site, alice: User):
    answer = alice.post("/api/posts", json={"content": "é 😀 \u2028 \x01"})
    assert "é 😀 \u2028 \\u0001" in answer.get_data().decode()
    missing = alice.post("/api/posts", json={"content": "x", "é": 1})
    assert '"é"' in missing.get_data().decode()


def add_transitions(site: Site, post_id: str, number: int) -> None:
    row = {"post_id": post_id, "at": NOW, "from_status": "draft", "to_status": "scheduled", "reason": "scheduled"}
    rows = [row | {"actor": "user:alice", "generation": n, "attempt": 0} for n in range(1, number + 1)]
    with site.services.deps.db.transaction() as tx:
        tx.execute(sa.insert(transitions), rows)


def test_a_long_timeline_has_pages_oldest_first(site: Site, alice: User):
    id = alice.draft()["id"]
    add_transitions(site, id, 450)
    first = json_of(alice.get(f"/api/posts/{id}/timeline"))
    second = json_of(alice.get(f"/api/posts/{id}/timeline?cursor={first['nextCursor']}"))
    third = json_of(alice.get(f"/api/posts/{id}/timeline?cursor={second['nextCursor']}"))
    lines = [line["generation"] for page in (first, second, third) for line in page["transitions"]]
    assert lines == list(range(451))
    assert [len(page["transitions"]) for page in (first, second, third)] == [200, 200, 51]
    assert "nextCursor" not in third


def test_a_timeline_of_exactly_one_page_has_no_cursor(site: Site, alice: User):
    id = alice.draft()["id"]
    add_transitions(site, id, 4)
    assert "nextCursor" not in json_of(alice.get(f"/api/posts/{id}/timeline?limit=5"))
    assert "nextCursor" in json_of(alice.get(f"/api/posts/{id}/timeline?limit=4"))


def test_a_page_of_a_timeline_continues_attempts_and_transitions_together(site: Site, alice: User):
    post = site.sent(alice)
    whole = alice.timeline(post["id"])
    found: dict[str, list[Any]] = {"attempts": [], "transitions": []}
    cursor = ""
    for _ in range(10):
        page = json_of(alice.get(f"/api/posts/{post['id']}/timeline?limit=1{cursor}"))
        found = {name: found[name] + page[name] for name in found}
        if "nextCursor" not in page:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert found == whole


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=", "other=1"])
def test_an_invalid_query_of_a_timeline_is_refused(small_site: Site, query: str):
    user = small_site.user("alice")
    refused(user.get(f"/api/posts/{user.draft()['id']}/timeline?{query}"), 422, "invalid_fields")


@pytest.mark.parametrize(
    "key", ["x", [], [1], [-1, 0], [1e9, 0], [True, 0], [0, 2**63], [0, 0, 0], {"a": 1, "b": 2}], ids=str
)
def test_an_invalid_cursor_of_a_timeline_is_refused(small_site: Site, key: Any):
    user = small_site.user("alice")
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
    path = f"/api/posts/{user.draft()['id']}/timeline?cursor={cursor}"
    refused(user.get(path), 422, "invalid_cursor")


def test_the_text_of_a_request_is_not_kept_with_its_key(site: Site, alice: User):
    key = {"Idempotency-Key": "one"}
    content = 'é "quoted" \\ 😀\n' * 1000
    first, again = (alice.post("/api/posts", json={"content": content}, headers=key) for _ in range(2))
    assert again.get_data() == first.get_data()
    assert json.loads(again.get_data())["content"] == content
    assert again.headers["Idempotency-Replayed"] == "true"
    [(body, at)] = site.rows("SELECT body, content_at FROM idempotency_keys")
    assert len(body) < 1_000
    assert at > 0


def test_a_short_text_and_a_problem_are_kept_whole(site: Site, alice: User):
    long = {"content": "x" * 100_001}
    for name, body in (("short", {"content": "Hello"}), ("problem", long)):
        first, again = (alice.post("/api/posts", json=body, headers={"Idempotency-Key": name}) for _ in range(2))
        assert again.get_data() == first.get_data()
    assert set(site.rows("SELECT content_at FROM idempotency_keys")) == {(None,)}
