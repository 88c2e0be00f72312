"""Floods of requests: good ones of one user, ones without a valid proof, and the routes that anyone may call."""

import json
from collections.abc import Sequence

from tests.attack.attacks.attack import Flood
from tests.attack.target import Request, Target, token_for

POSTS = 16
WRONG = "a-wrong-secret-that-is-long-enough-to-sign"


class GoodCalls(Flood):
    name = "one user's good requests"

    def __init__(self) -> None:
        self._posts: list[str] = []

    def prepare(self, target: Target) -> None:
        target.connect_account()
        self._posts = list(filter(None, (target.draft(f"Number {number}") for number in range(POSTS))))

    def requests(self, target: Target) -> Sequence[Request]:
        headers = target.user_headers()
        at = json.dumps({"scheduledAt": "2027-06-01T08:00:00Z"}).encode()
        text = json.dumps({"content": "A new draft"}).encode()
        calls = [Request("POST", "/api/posts", text, headers), Request("GET", "/api/posts", None, headers)]
        for post in self._posts:
            calls.append(Request("POST", f"/api/posts/{post}/schedule", at, headers))
            calls.append(Request("PATCH", f"/api/posts/{post}", text, headers))
        return calls + [Request("POST", f"/api/posts/{post}/unschedule", b"{}", headers) for post in self._posts]


class BadProofs(Flood):
    name = "bad proofs of every kind"

    def requests(self, target: Target) -> Sequence[Request]:
        forged = token_for(WRONG, target.user)
        body = b'{"postId": "00000000-0000-4000-8000-000000000000", "status": "published", "generation": 1}'
        json_body = {"Content-Type": "application/json"}
        bearer, signature = {"Authorization": f"Bearer {forged}"}, {"Upstash-Signature": forged}
        secret = {"Authorization": f"Bearer {WRONG}"}
        return [
            Request("GET", "/api/posts", None, bearer),
            Request("POST", "/api/posts", body, bearer | json_body),
            Request("GET", "/api/social-accounts", None, {}),
            Request("POST", "/api/posts/dispatch", body, signature),
            Request("POST", "/api/posts/dispatch-failed", body, signature),
            Request("POST", "/api/posts/recover", body, signature),
            Request("GET", "/api/posts/recover", None, secret),
            Request("GET", "/api/cron/publish-scheduled", None, secret),
            Request("POST", "/api/webhooks/publish-status", body, secret | json_body),
            Request("POST", "/api/webhooks/claim", body, {"X-Callback-Secret": WRONG} | json_body),
            Request("POST", "/api/scheduler/run", None, secret),
        ]


class PublicRoutes(Flood):
    name = "routes for anyone"

    def requests(self, target: Target) -> Sequence[Request]:
        callback = "/api/social-accounts/linkedin/callback?state=unknown&code=unknown"
        paths = ("/api/scheduler/status", "/readyz", "/healthz", "/openapi.json", callback)
        return [Request("GET", path) for path in paths]
