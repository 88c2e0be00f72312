"""Any JSON body gets a valid answer from every route. The client checks the format of each answer."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.web.site import HOUR, NOW, Site, wire_form

BOUNDED = settings(  # the same bodies every time; failures are not shrunk, which saves seconds
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ANY_CHARACTER = st.characters(exclude_categories=())  # halves of surrogate pairs too
WORDS = ["linkedin", "published", "failed", "retry", "fail", "image", "Europe/Berlin", wire_form(NOW + HOUR)]
WORDS += ["2026-12-01T08:00:00", "https://x.test/a.png", "0c5f3d5e-0000-4000-8000-000000000000", "\0", "\ud800", ""]
NUMBERS = st.integers() | st.sampled_from([0, 1, -1, 2**31, 2**63, 10**300]) | st.floats()
NASTY = st.sampled_from(
    ["\0", "\ud800", 2**31, 2**63, 10**300, -1, "0001-01-01T00:00:00+14:00", [], {}, [[]], {"": {}}]
)
LEAVES = NASTY | st.none() | st.booleans() | NUMBERS | st.sampled_from(WORDS) | st.text(ANY_CHARACTER, max_size=20)
KEYS = st.sampled_from(["url", "type", "message", "\ud800", "\0"]) | st.text(ANY_CHARACTER, max_size=8)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
POST_FIELDS = "content platform postType media imageUrl socialAccountId clientId companyId"
ACCOUNT_FIELDS = "platform externalId personUrn accountName accessToken refreshToken expiresAt companyId clientId"
ACCOUNT_FIELDS += " ownProfile"
REPORT_FIELDS = "postId status linkedinPostUrn externalPostId errorMessage error errorCode httpStatus retryable attempt"
#: What each route takes at its best, and the fields it knows.
ROUTES: dict[str, tuple[dict[str, Any], str]] = {
    "POST /api/posts": ({"content": "x"}, POST_FIELDS),
    "PATCH /api/posts/{post}": ({}, "content media imageUrl"),
    "POST /api/posts/{post}/schedule": ({"scheduledAt": wire_form(NOW + HOUR)}, "scheduledAt timeZone fold"),
    "POST /api/posts/{post}/unschedule": ({}, "any"),
    "POST /api/posts/recover": ({"postId": "{post}", "action": "retry"}, "postId action force"),
    "POST /api/social-accounts": ({"externalId": "urn:li:person:x", "accessToken": "x"}, ACCOUNT_FIELDS),
    "PATCH /api/social-accounts/{account}": ({}, "accountName accessToken refreshToken expiresAt"),
    "POST /api/companies": ({"name": "x"}, "name"),
    "PATCH /api/companies/{company}": ({"name": "x"}, "name"),
    "PUT /api/companies/{company}/members/ann": ({"role": "viewer"}, "role"),
    "POST /api/companies/{company}/invitations": ({"role": "viewer"}, "role userId email expiresAt"),
    "POST /api/companies/{company}/clients": ({"name": "x"}, "name"),
    "PATCH /api/companies/{company}/clients/{client}": ({"name": "x"}, "name"),
    "POST /api/media/check": ({"platform": "linkedin", "media": []}, "platform postType media"),
    "POST /api/scheduler/run": ({}, "any"),
    "POST /api/webhooks/publish-status": ({"postId": "{post}", "status": "failed"}, REPORT_FIELDS),
    "POST /api/webhooks/claim": ({"postId": "{post}", "attempt": 1}, "postId attempt"),
    "POST /api/posts/dispatch": ({"postId": "{post}", "generation": 1}, "postId userId generation"),
    "POST /api/posts/dispatch-failed": (
        {"sourceMessageId": "msg_1", "sourceBody": "{message}"},
        "sourceMessageId sourceBody status",
    ),
}


@pytest.mark.parametrize("route", ROUTES)
def test_any_json_body_gets_a_valid_answer(site: Site, route: str):
    root = site.user("root", admin=True)
    post = site.sent(root)
    method, _, path = route.partition(" ")
    company = root.company()
    client = root.client_of(company)
    path = path.format(post=post["id"], account=post["socialAccountId"], company=company, client=client)
    message = base64.b64encode(json.dumps({"postId": post["id"], "generation": 1}).encode()).decode()
    best, fields = ROUTES[route]
    best = {
        key: value.format(post=post["id"], message=message) if isinstance(value, str) else value
        for key, value in best.items()
    }
    names = st.sampled_from(fields.split()) | KEYS
    spoilt = st.dictionaries(names, NASTY | LEAVES | VALUES, min_size=1, max_size=2).map(lambda changes: best | changes)
    bodies = spoilt | VALUES

    @BOUNDED
    @given(bodies)
    def send(body: Any) -> None:
        raw = json.dumps(body).encode()
        if path.startswith("/api/posts/dispatch"):
            answer = site.signed(path, raw)
        elif path.startswith("/api/webhooks"):
            answer = site.n8n.post(path, data=raw)
        else:
            answer = root.open(method, path, data=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, raw

    send()


@given(st.binary(max_size=200))
@BOUNDED
def test_any_bytes_get_a_valid_answer(small_site: Site, raw: bytes):
    headers = {"Content-Type": "application/json"}
    answers = [
        small_site.user("alice").post("/api/posts", data=raw, headers=headers),
        small_site.n8n.post("/api/webhooks/publish-status", data=raw),
        small_site.signed("/api/posts/dispatch", raw),
        small_site.signed("/api/posts/dispatch-failed", raw),
    ]
    assert all(400 <= answer.status_code < 500 for answer in answers)
