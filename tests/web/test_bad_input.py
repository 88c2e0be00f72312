"""Invalid requests: each is refused with its status and field, and none causes an internal error."""

import json
from typing import Any

import pytest

from app.web.blueprint import MAX_VALUES
from tests.web.site import HOUR, NOW, Site, User, json_of, refused, wire_form

BIG = b'{"content": "' + b"x" * 5_000_000 + b'"}'
POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
USER_ROUTES = [
    ("POST", "/api/posts"),
    ("PATCH", f"/api/posts/{POST_ID}"),
    ("POST", f"/api/posts/{POST_ID}/schedule"),
    ("POST", "/api/posts/recover"),
    ("POST", "/api/social-accounts"),
    ("PATCH", f"/api/social-accounts/{POST_ID}"),
]
N8N_ROUTES = [("POST", "/api/webhooks/publish-status"), ("POST", "/api/webhooks/claim")]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def alice(small_site: Site) -> User:
    return small_site.user("alice")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"a": 1,}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5_000,
        b'{"a": 1} {"a": 1}',
    ],
    ids=["cut-off", "nonsense", "comma", "no-utf8", "deep-list", "deep-object", "endless-number", "two-documents"],
)
def test_body_that_is_not_json_answers_400(alice: User, body: bytes):
    for method, path in USER_ROUTES:
        answer = alice.open(method, path, data=body, headers=JSON)
        if body.startswith(b"1"):  # a number of any length is not an object
            assert answer.status_code in (400, 422)
        else:
            refused(answer, 400, "malformed_json")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"7", b"\xff\xfe", b"[" * 100_000])
def test_report_that_is_not_an_object_answers_400(small_site: Site, body: bytes):
    for method, path in N8N_ROUTES:
        refused(small_site.n8n.open(method, path, data=body, headers=JSON), 400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b'[{"content": "x"}]', b'"text"', b"7", b"true", b"null", b"NaN"])
def test_json_that_is_not_an_object_is_refused(alice: User, body: bytes):
    for method, path in USER_ROUTES:
        answer = alice.open(method, path, data=body, headers=JSON)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_body_without_json_content_type_answers_415(alice: User, content_type: str):
    for method, path in [*USER_ROUTES, ("POST", f"/api/posts/{POST_ID}/unschedule")]:
        answer = alice.open(method, path, data=b'{"content": "x"}', headers={"Content-Type": content_type})
        refused(answer, 415, "json_required")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.api+json"])
def test_json_content_type_with_parameters_is_accepted(alice: User, content_type: str):
    answer = alice.post("/api/posts", data='{"content": "Größe"}'.encode(), headers={"Content-Type": content_type})
    assert json_of(answer, 201)["content"] == "Größe"


def test_a_body_of_five_megabytes_is_too_large(alice: User):
    for method, path in USER_ROUTES:
        refused(alice.open(method, path, data=BIG, headers=JSON), 413, "too_large")


@pytest.mark.parametrize("path", ["/api/posts/dispatch", "/api/posts/dispatch-failed"])
def test_a_delivery_of_five_megabytes_is_too_large(small_site: Site, path: str):
    refused(small_site.signed(path, BIG), 413, "too_large")


@pytest.mark.parametrize("path", ["/api/webhooks/publish-status", "/api/webhooks/claim"])
def test_a_report_of_five_megabytes_is_too_large(small_site: Site, path: str):
    refused(small_site.n8n.post(path, data=BIG, headers=JSON), 413, "too_large")


@pytest.mark.parametrize(
    "escape", [r"\u0000", r"\ud800", r"\udfff", r"\ude00\ud83d"], ids=["NUL", "high", "low", "swapped"]
)
def test_text_that_cannot_be_stored_is_refused(site: Site, escape: str):
    for field in ("content", "imageUrl", "platform", "socialAccountId"):
        alice = site.user("alice")
        body = {"content": "x", field: "HERE"}
        text = json.dumps(body).replace("HERE", f"a{escape}b")
        problem = refused(alice.post("/api/posts", data=text, headers=JSON), 422, "invalid_fields")
        assert problem["errors"][0]["field"] == field


def test_whole_surrogate_pair_is_accepted(site: Site):
    answer = site.user("alice").post("/api/posts", data=r'{"content": "\ud83d\ude00"}', headers=JSON)
    assert json_of(answer, 201)["content"] == "😀"


@pytest.mark.parametrize(
    "name", [r"\ud800", r"\u0000", "é", "", "x" * 1000], ids=["half", "NUL", "accent", "empty", "long"]
)
def test_unknown_field_is_refused(alice: User, name: str):
    for method, path in USER_ROUTES:
        answer = alice.open(method, path, data=f'{{"{name}": 1}}', headers=JSON)
        codes = [error["code"] for error in refused(answer, 422, "invalid_fields")["errors"]]
        assert "unknown_field" in codes


def test_answer_to_many_unknown_fields_is_bounded(alice: User):
    body = json.dumps({f"field-{number}": 1 for number in range(50_000)})
    answer = alice.post("/api/posts", data=body, headers=JSON)
    refused(answer, 422, "invalid_fields")
    assert len(answer.data) < 100_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": None}, "content"),
        ({"content": 7}, "content"),
        ({"content": ["x"]}, "content"),
        ({"content": {"text": "x"}}, "content"),
        ({"content": "x" * 100_001}, "content"),
        ({"content": "x", "platform": "myspace"}, "platform"),
        ({"content": "x", "platform": None}, "platform"),
        ({"content": "x", "platform": ["linkedin"]}, "platform"),
        ({"content": "x", "postType": "novel"}, "postType"),
        ({"content": "x", "media": "image"}, "media"),
        ({"content": "x", "media": None}, "media"),
        ({"content": "x", "media": [7]}, "media.0"),
        ({"content": "x", "media": [{}]}, "media.0.url"),
        ({"content": "x", "media": [{"url": "https://x.test/a", "type": "hologram"}]}, "media.0.type"),
        ({"content": "x", "media": [{"url": "https://x.test/a", "type": "image"}] * 21}, "media"),
        ({"content": "x", "imageUrl": "ftp://x.test/a"}, "imageUrl"),
        ({"content": "x", "imageUrl": "javascript:alert(1)"}, "imageUrl"),
        ({"content": "x", "imageUrl": "/a.png"}, "imageUrl"),
        ({"content": "x", "imageUrl": "https://x.test/" + "a" * 2048}, "imageUrl"),
        ({"content": "x", "imageUrl": 10**4000}, "imageUrl"),
        ({"content": "x", "companyId": 7}, "companyId"),
        ({"content": "x", "clientId": "me"}, "clientId"),
        ({"content": "x", "socialAccountId": [POST_ID]}, "socialAccountId"),
        ({"content": "x", "status": "published"}, "status"),
        ({"content": "x", "userId": "bob"}, "userId"),
        ({"content": "x", "generation": 10**300}, "generation"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_invalid_post_names_its_field(alice: User, body: dict[str, Any], field: str):
    problem = refused(alice.post("/api/posts", json=body), 422, "invalid_fields")
    assert field in [error["field"] for error in problem["errors"]]
    assert json_of(alice.get("/api/posts"))["data"] == []


@pytest.mark.parametrize(
    "bad", ["7", "x" * 36, "0c5f3d5e00004000800000000000000f", f"{{{POST_ID}}}", "%00", "%ff", "..", "ü"]
)
def test_malformed_id_answers_404(alice: User, bad: str):
    time = {"scheduledAt": wire_form(NOW + HOUR)}
    for answer in (
        alice.get(f"/api/posts/{bad}"),
        alice.patch(f"/api/posts/{bad}", json={"content": "x"}),
        alice.delete(f"/api/posts/{bad}"),
        alice.get(f"/api/posts/{bad}/timeline"),
        alice.post(f"/api/posts/{bad}/schedule", json=time),
        alice.post(f"/api/posts/{bad}/unschedule"),
        alice.patch(f"/api/social-accounts/{bad}", json={"accountName": "x"}),
        alice.delete(f"/api/social-accounts/{bad}"),
    ):
        refused(answer, 404, "not_found")
    refused(alice.post("/api/posts/recover", json={"postId": "no-uuid", "action": "fail"}), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/posts", {"GET", "POST"}),
        ("DELETE", "/api/posts", {"GET", "POST"}),
        ("POST", f"/api/posts/{POST_ID}", {"GET", "PATCH", "DELETE"}),
        ("GET", f"/api/posts/{POST_ID}/schedule", {"POST"}),
        ("GET", f"/api/posts/{POST_ID}/unschedule", {"POST"}),
        ("POST", f"/api/posts/{POST_ID}/timeline", {"GET"}),
        ("DELETE", "/api/social-accounts", {"GET", "POST"}),
        ("POST", f"/api/social-accounts/{POST_ID}", {"PATCH", "DELETE"}),
        ("GET", "/api/webhooks/publish-status", {"POST"}),
        ("GET", "/api/webhooks/claim", {"POST"}),
        ("POST", "/api/cron/publish-scheduled", {"GET"}),
        ("GET", "/api/scheduler/run", {"POST"}),
        ("POST", "/api/scheduler/status", {"GET"}),
        ("POST", "/healthz", {"GET"}),
        ("TRACE", "/docs", {"GET"}),
    ],
)
def test_wrong_method_answers_405_with_allow(alice: User, method: str, path: str, allowed: set[str]):
    answer = alice.open(method, path)
    refused(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/posts/",
        "/api/nothing",
        "/favicon.ico",
        "/static/x",
        "/.env",
        f"/api/posts/{POST_ID}/x",
        "/api/%2e%2e/x",
        "/a%00b",
    ],
)
def test_unknown_address_answers_404(alice: User, path: str):
    refused(alice.get(path), 404, "not_found")


@pytest.mark.parametrize("value", [[0] * MAX_VALUES, [{}] * MAX_VALUES], ids=["numbers", "objects"])
def test_a_body_of_too_many_values_is_refused_unparsed(small_site: Site, value: Any, monkeypatch: pytest.MonkeyPatch):
    parsed: list[Any] = []
    monkeypatch.setattr("app.web.blueprint.parse_json", parsed.append)
    body = json.dumps({"content": "x", "media": value, "platform": "linkedin"}, separators=(",", ":"))[:999_999]
    headers = {"Content-Type": "application/json"}
    problem = refused(small_site.user("alice").post("/api/posts", data=body, headers=headers), 422, "too_many_values")
    assert problem["errors"][0]["field"] == "body"
    assert not parsed


def test_a_text_full_of_commas_is_taken(small_site: Site):
    json_of(small_site.user("alice").post("/api/posts", json={"content": "a" + "," * 99_999}), 201)
