"""Headers of every answer, and CORS."""

import re

import pytest
from flask.testing import FlaskClient

from app.posts import drafts
from tests.web.answers import check_no_secrets
from tests.web.conftest import MakeSite
from tests.web.site import Site, json_of

ORIGIN = "https://app.example.com"
POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
USER_PATHS = [
    "/api/posts",
    f"/api/posts/{POST_ID}",
    f"/api/posts/{POST_ID}/schedule",
    f"/api/posts/{POST_ID}/unschedule",
    f"/api/posts/{POST_ID}/timeline",
    "/api/social-accounts",
    f"/api/social-accounts/{POST_ID}",
]
MACHINE_CALLS = [
    ("POST", "/api/posts/dispatch"),
    ("POST", "/api/posts/dispatch-failed"),
    ("GET", "/api/cron/publish-scheduled"),
    ("POST", "/api/webhooks/publish-status"),
    ("POST", "/api/webhooks/claim"),
]


@pytest.fixture
def open_site(sqlite_url: str, make_site: MakeSite) -> Site:
    return make_site(sqlite_url, cors_origins=(ORIGIN, "http://localhost:3000"))


@pytest.mark.parametrize("given", ["abc", "a.b_c:d-e", "x" * 128, "7"])
def test_valid_request_id_is_echoed(small_site: Site, given: str):
    for path in ("/healthz", "/api/posts", "/nothing"):
        assert small_site.anonymous.get(path, headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "a\xe9", "a;b", "{}"])
def test_any_other_request_id_is_replaced_by_a_new_one(small_site: Site, given: str):
    answers = [small_site.anonymous.get("/healthz", headers={"X-Request-ID": given}) for _ in range(2)]
    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", request_id) for request_id in ids)


def test_hsts_is_sent_over_https_only(small_site: Site):
    assert "Strict-Transport-Security" not in small_site.anonymous.get("/healthz").headers
    behind_proxy = small_site.anonymous.get("/healthz", headers={"X-Forwarded-Proto": "https"})
    assert "max-age=31536000" in behind_proxy.headers["Strict-Transport-Security"]
    direct = small_site.client.get("/nothing", base_url="https://punctual.test")
    assert "max-age=31536000" in direct.headers["Strict-Transport-Security"]


def test_internal_error_is_logged_and_not_shown(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    def mistake(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM nowhere")

    monkeypatch.setattr(drafts, "create_post", mistake)
    small_site.app.test_client_class = FlaskClient  # the checked one lets no 500 pass
    answer = small_site.user("alice").post("/api/posts", json={"content": "x"})
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert answer.get_json(force=True)["code"] == "internal_error"
    check_no_secrets(answer.get_data(as_text=True))
    assert "SELECT secret FROM nowhere" in small_site.events("request.failed")[0]["exception"]


def preflight(site: Site, path: str, method: str, origin: str = ORIGIN) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers["Access-Control-Request-Headers"] = "authorization, content-type, idempotency-key"
    answer = site.client.options(path, headers=headers)
    assert answer.status_code in (200, 204, 404)
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", USER_PATHS)
def test_allowed_origin_may_call_user_routes(open_site: Site, path: str):
    for method in ("GET", "POST", "PATCH", "DELETE"):
        allowed = preflight(open_site, path, method)
        assert allowed["access-control-allow-origin"] == ORIGIN
        assert method in allowed["access-control-allow-methods"].split(", ")
        names = {name.strip().lower() for name in allowed["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "idempotency-key"} <= names
        assert "access-control-allow-credentials" not in allowed
    answer = open_site.user("alice").get(path, headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in answer.headers["Vary"]
    assert "x-request-id" in answer.headers["Access-Control-Expose-Headers"].lower()


def test_allowed_origin_may_read_error_answers(open_site: Site):
    for answer in (
        open_site.anonymous.get("/api/posts", headers={"Origin": ORIGIN}),
        open_site.user("alice").post("/api/posts", data=b"x", headers={"Origin": ORIGIN}),
        open_site.user("alice").get(f"/api/posts/{POST_ID}", headers={"Origin": ORIGIN}),
    ):
        assert answer.status_code >= 400
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_allowed_origin_may_recover_a_post(open_site: Site):
    assert preflight(open_site, "/api/posts/recover", "POST")["access-control-allow-origin"] == ORIGIN
    answer = open_site.user("alice").post("/api/posts/recover", json={}, headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "https://app.example.com.evil.test",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://xapp.example.com",
        "https://appxexample.com",
        "null",
        "HTTPS://APP.EXAMPLE.ORG",
    ],
)
def test_other_origin_gets_no_cors_headers(open_site: Site, origin: str):
    assert "access-control-allow-origin" not in preflight(open_site, "/api/posts", "PATCH", origin)
    answer = open_site.user("alice").get("/api/posts", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("method", "path"), MACHINE_CALLS)
def test_machine_routes_get_no_cors_headers(open_site: Site, method: str, path: str):
    answer = open_site.anonymous.open(method, path, headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", [path for _, path in MACHINE_CALLS])
def test_preflight_of_machine_routes_gets_no_cors_headers(open_site: Site, path: str):
    assert "access-control-allow-origin" not in preflight(open_site, path, "POST")


def test_no_cors_headers_without_origins(small_site: Site):
    assert preflight(small_site, "/api/posts", "POST") == {}
    answer = small_site.user("alice").get("/api/posts", headers={"Origin": ORIGIN})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    json_of(answer)
