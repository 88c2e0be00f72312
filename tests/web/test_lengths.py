"""Every length error of a text or a list carries `limit` and `actual`."""

from typing import Any

import pytest

from tests.web.site import Site, User, refused
from tests.web.test_accounts import BODY

ID = "0c5f3d5e-0000-4000-8000-000000000000"
ITEM = {"url": "https://a.example/x", "type": "image"}
ACCOUNTS, ACCOUNT, POSTS, POST = "/api/social-accounts", f"/api/social-accounts/{ID}", "/api/posts", f"/api/posts/{ID}"
COMPANIES, COMPANY = "/api/companies", f"/api/companies/{ID}"
LONG_URL = "https://a.example/" + "x" * 2031
CASES: list[tuple[str, str, dict[str, Any], str, int, int]] = [
    ("POST", POSTS, {"content": "x" * 100_001}, "content", 100_000, 100_001),
    ("PATCH", POST, {"content": "x" * 100_002}, "content", 100_000, 100_002),
    ("POST", POSTS, {"content": "x", "media": [ITEM] * 21}, "media", 20, 21),
    ("PATCH", POST, {"media": [ITEM] * 22}, "media", 20, 22),
    ("POST", POSTS, {"content": "x", "media": [ITEM, ITEM | {"url": LONG_URL}]}, "media.1.url", 2048, 2049),
    ("POST", POSTS, {"content": "x", "imageUrl": LONG_URL}, "imageUrl", 2048, 2049),
    ("PATCH", POST, {"imageUrl": LONG_URL}, "imageUrl", 2048, 2049),
    ("POST", f"{POST}/schedule", {"scheduledAt": "2" * 65}, "scheduledAt", 64, 65),
    ("POST", f"{POST}/schedule", {"scheduledAt": "2026-12-01T08:00:00Z", "timeZone": "A" * 65}, "timeZone", 64, 65),
    ("POST", f"{POSTS}/recover", {"postId": "x" * 65, "action": "fail"}, "postId", 64, 65),
    ("POST", ACCOUNTS, BODY | {"accessToken": "x" * 8193}, "accessToken", 8192, 8193),
    ("POST", ACCOUNTS, BODY | {"accessToken": ""}, "accessToken", 1, 0),
    ("POST", ACCOUNTS, BODY | {"refreshToken": "x" * 8194}, "refreshToken", 8192, 8194),
    ("POST", ACCOUNTS, BODY | {"externalId": "x" * 256}, "externalId", 255, 256),
    ("POST", ACCOUNTS, BODY | {"personUrn": "x" * 300}, "personUrn", 255, 300),
    ("POST", ACCOUNTS, BODY | {"accountName": "x" * 256}, "accountName", 255, 256),
    ("PATCH", ACCOUNT, {"accountName": "é" * 257}, "accountName", 255, 257),
    ("PATCH", ACCOUNT, {"accessToken": "x" * 8193}, "accessToken", 8192, 8193),
    ("PATCH", ACCOUNT, {"refreshToken": "x" * 8193}, "refreshToken", 8192, 8193),
    ("POST", COMPANIES, {"name": "x" * 121}, "name", 120, 121),
    ("PATCH", COMPANY, {"name": ""}, "name", 1, 0),
    ("POST", f"{COMPANY}/clients", {"name": "x" * 121}, "name", 120, 121),
    ("PATCH", f"{COMPANY}/clients/{ID}", {"name": "x" * 122}, "name", 120, 122),
    ("GET", f"{POSTS}?cursor={'A' * 201}", {}, "cursor", 200, 201),
    ("GET", f"{ACCOUNTS}?cursor={'A' * 201}", {}, "cursor", 200, 201),
    ("GET", f"{COMPANIES}?cursor={'A' * 201}", {}, "cursor", 200, 201),
    ("GET", f"{COMPANY}/members?cursor={'A' * 3001}", {}, "cursor", 3000, 3001),
    ("GET", f"{POSTS}?cursor=", {}, "cursor", 1, 0),
]


@pytest.fixture
def alice(small_site: Site) -> User:
    return small_site.user("alice")


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "limit", "actual"), CASES, ids=lambda value: value if value in ("GET",) else ""
)
def test_length_error_carries_limit_and_actual(
    alice: User, method: str, path: str, body: dict[str, Any], field: str, limit: int, actual: int
):
    answer = alice.open(method, path, **({"json": body} if body else {}))
    [error] = refused(answer, 422, "invalid_fields")["errors"]
    assert (error["field"], error["limit"], error["actual"]) == (field, limit, actual)
    assert error["code"] == ("too_long" if actual > limit else "too_short")
    assert str(limit) in error["message"]


def test_report_with_a_long_id_carries_limit_and_actual(small_site: Site):
    answer = small_site.n8n.post("/api/webhooks/publish-status", json={"postId": "x" * 65, "status": "failed"})
    [error] = refused(answer, 422, "invalid_fields")["errors"]
    assert (error["field"], error["limit"], error["actual"]) == ("postId", 64, 65)
