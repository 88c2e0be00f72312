"""Authentication of users by token. Without a valid one every user route answers 401."""

import base64
import datetime as dt
import json
from typing import Any

import jwt
import pytest

from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import NOW, Caller, Site, json_of, refused

NOW_SECONDS = int(NOW.timestamp())
CLAIMS = {"sub": "alice", "iat": NOW_SECONDS, "exp": NOW_SECONDS + 3600}
POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
USER_ROUTES = [
    ("GET", "/api/posts"),
    ("POST", "/api/posts"),
    ("GET", f"/api/posts/{POST_ID}"),
    ("PATCH", f"/api/posts/{POST_ID}"),
    ("DELETE", f"/api/posts/{POST_ID}"),
    ("GET", f"/api/posts/{POST_ID}/timeline"),
    ("POST", f"/api/posts/{POST_ID}/schedule"),
    ("POST", f"/api/posts/{POST_ID}/unschedule"),
    ("POST", "/api/posts/recover"),
    ("GET", "/api/social-accounts"),
    ("POST", "/api/social-accounts"),
    ("PATCH", f"/api/social-accounts/{POST_ID}"),
    ("DELETE", f"/api/social-accounts/{POST_ID}"),
    ("POST", "/api/scheduler/run"),
]


def token(key: str = SECRETS["auth_jwt_secret"], algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def unsigned(header: dict[str, str]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, CLAIMS)]
    return ".".join([*parts, ""])


def bearing(site: Site, text: str) -> Caller:
    return Caller(site.client, {"Authorization": f"Bearer {text}"})


def test_no_user_route_answers_without_a_token(small_site: Site):
    for method, path in USER_ROUTES:
        answer = small_site.anonymous.open(method, path, json={} if method in ("POST", "PATCH") else None)
        refused(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_valid_token_identifies_the_user(small_site: Site):
    assert (
        json_of(bearing(small_site, token(sub="carol")).post("/api/posts", json={"content": "x"}), 201)["userId"]
        == "carol"
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YWxpY2U6eA==",
        "bearer x.y.z",
        "Bearer x",
        "Bearer a b",
        "Bearer Bearer",
        "Token x",
        "Bearer " + "x" * 9000,
        "Bearer \xff",
        "Bearer ..",
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.",
    ],
    ids=lambda header: ascii(header)[:24],
)
def test_malformed_token_is_refused(small_site: Site, header: str):
    refused(small_site.client.get("/api/posts", headers={"Authorization": header}), 401, "unauthorized")


@pytest.mark.parametrize(
    "bad",
    {
        "expired": token(exp=NOW_SECONDS - 11),
        "without-exp": token(exp=None),
        "exp-as-text": token(exp="never"),
        "not-yet": token(nbf=NOW_SECONDS + 11),
        "issued-ahead": token(iat=NOW_SECONDS + 11),
        "another-secret": token("a-secret-that-somebody-else-made-up-himself"),
        "another-algorithm": token(algorithm="HS512"),
        "alg-none": unsigned({"alg": "none", "typ": "JWT"}),
        "alg-None": unsigned({"alg": "None", "typ": "JWT"}),
        "alg-HS256-unsigned": unsigned({"alg": "HS256", "typ": "JWT"}),
        "tampered": token().rsplit(".", 1)[0] + "." + token(sub="bob").rsplit(".", 1)[1],
        "without-sub": token(sub=None),
        "empty-sub": token(sub=""),
        "long-sub": token(sub="x" * 256),
        "control-sub": token(sub="a\nb"),
        "NUL-sub": token(sub="a\0b"),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_token_that_does_not_verify_is_refused(small_site: Site, bad: tuple[str, str]):
    refused(bearing(small_site, bad[1]).get("/api/posts"), 401, "unauthorized")
    assert small_site.events("auth.refused")[0]["reason"]


def test_token_is_valid_until_its_last_second(small_site: Site):
    alice = small_site.user("alice")
    small_site.clock.at += dt.timedelta(hours=12)
    json_of(alice.get("/api/posts"))
    small_site.clock.at += dt.timedelta(seconds=11)
    refused(alice.get("/api/posts"), 401, "unauthorized")


def test_issuer_and_audience_are_checked_where_they_are_set(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, auth_issuer="https://id.test", auth_audience="punctual")
    right = {"iss": "https://id.test", "aud": "punctual"}
    for good in (right, right | {"aud": ["other", "punctual"]}):
        json_of(bearing(site, token(**good)).get("/api/posts"))
    json_of(site.user("alice").get("/api/posts"))
    for wrong in (
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"aud": "punctual2"},
    ):
        refused(bearing(site, token(**(right | wrong))).get("/api/posts"), 401, "unauthorized")


def test_user_routes_without_configuration_answer_503_and_log_the_setting(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, auth_jwt_secret=None)
    for method, path in USER_ROUTES:
        answer = site.anonymous.open(method, path, headers={"Authorization": f"Bearer {token()}"}, json={})
        refused(answer, 503, "not_configured")
        assert "AUTH_" not in answer.get_data(as_text=True)
        assert "AUTH_JWT_SECRET" in site.events("not_configured")[0]["setting"]


def test_only_admins_and_automation_may_run_the_scheduler(site: Site):
    problem = refused(site.user("alice").post("/api/scheduler/run"), 403, "admin_required")
    assert problem["title"]
    automation = bearing(site, SECRETS["admin_secret_key"])
    for caller in (site.user("root", admin=True), automation):
        body = json_of(caller.post("/api/scheduler/run"))
        assert set(body) == {"success", "result"}
        assert set(body["result"]) == {"postsProcessed", "postsPublished", "durationMs", "nextScheduledAt", "skipped"}
        assert (body["success"], body["result"]["skipped"]) == (True, False)
    refused(bearing(site, SECRETS["admin_secret_key"][:-1]).post("/api/scheduler/run"), 401, "unauthorized")
    refused(bearing(site, SECRETS["cron_secret"]).post("/api/scheduler/run"), 401, "unauthorized")


@pytest.mark.parametrize("role", ["Admin", "user", ["admin"], {"admin": True}, True, 1, ""], ids=repr)
def test_only_the_role_admin_makes_an_admin(small_site: Site, role: object):
    refused(bearing(small_site, token(role=role)).post("/api/scheduler/run"), 403, "admin_required")


def test_admin_secret_opens_only_the_scheduler_and_only_if_set(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url)
    refused(bearing(site, SECRETS["admin_secret_key"]).get("/api/posts"), 401, "unauthorized")
    without = make_site(sqlite_url, admin_secret_key=None)
    refused(bearing(without, SECRETS["admin_secret_key"]).post("/api/scheduler/run"), 401, "unauthorized")
    json_of(without.user("root", admin=True).post("/api/scheduler/run"))
    automation_only = make_site(sqlite_url, auth_jwt_secret=None)
    json_of(bearing(automation_only, SECRETS["admin_secret_key"]).post("/api/scheduler/run"))


@pytest.mark.parametrize(
    ("header", "claims", "reason"),
    [
        ({"typ": "logout+jwt"}, {}, "typ is not JWT or at+jwt"),
        ({}, {"exp": NOW_SECONDS + 32 * 86_400}, "longer than MAX_TOKEN_LIFETIME_SECONDS"),
        ({}, {"iat": None, "exp": NOW_SECONDS + 32 * 86_400}, "longer than MAX_TOKEN_LIFETIME_SECONDS"),
        ({}, {"exp": None}, "no exp"),
    ],
    ids=["other type", "long life", "long life without iat", "endless"],
)
def test_refused_token_answers_401_and_its_reason_is_logged(
    small_site: Site, header: dict[str, str], claims: dict[str, Any], reason: str
):
    content = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    text = jwt.encode(content, SECRETS["auth_jwt_secret"], headers=header)
    refused(bearing(small_site, text).get("/api/posts"), 401, "unauthorized")
    [event] = small_site.events("auth.refused")
    assert reason in event["reason"]


def test_token_of_the_former_secret_is_valid_while_the_setting_has_it(sqlite_url: str, make_site: MakeSite):
    former = "user-tokens-were-signed-with-this-one-before"
    turned = make_site(sqlite_url, auth_jwt_secret_previous=former)
    json_of(bearing(turned, token(former)).get("/api/posts"))
    json_of(bearing(turned, token()).get("/api/posts"))
    refused(bearing(make_site(sqlite_url), token(former)).get("/api/posts"), 401, "unauthorized")
