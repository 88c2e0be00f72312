"""The people of the console's tests: each with a token, calls of the API, and posts to look at."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import jwt
import requests

from tests.browser.console import Console
from tests.local.stacks import Running
from tests.local.support import wait_for

LIFE = timedelta(hours=1)
SECONDS = 30.0


@dataclass
class Person:
    """A user of a running stack."""

    up: Running
    name: str
    admin: bool = False

    @cached_property
    def token(self) -> str:
        secret = json.loads((self.up.state / "secrets.json").read_text())["AUTH_JWT_SECRET"]
        now = datetime.now(UTC)
        claims: dict[str, Any] = {"sub": self.name, "iat": now, "exp": now + LIFE}
        return jwt.encode(claims | ({"role": "admin"} if self.admin else {}), secret, algorithm="HS256")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        address = self.up.ports.url("app") + path
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, address, headers=headers, json=body, timeout=SECONDS)
        assert answer.ok, (method, path, answer.text)
        return answer.json() if answer.content else None

    def enters(self, console: Console, path: str = "/") -> None:
        """Log in as this person and open the path."""
        console.enter(self.token, path)

    def account(self, **fields: Any) -> str:
        urn = f"urn:li:person:{self.name}"
        body = {"personUrn": urn, "accountName": f"{self.name.title()}'s page", "accessToken": "token"} | fields
        return str(self.call("POST", "/api/social-accounts", body)["id"])

    def failures(self, number: int, text: str = "Week {n}: what we learned [n8n:transient x1]") -> list[str]:
        """Let posts fail, each once, and return their ids in order. The stack has MAX_RETRIES=0."""
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        rows = [{"op": "create", "content": text.format(n=n), "scheduledAt": soon} for n in range(number)]
        made = self.call("POST", "/api/posts/bulk", {"operations": rows})
        assert made["refused"] == 0, made
        wait_for("the failures", lambda: self.statuses().get("failed", 0) >= number, SECONDS)
        return [row["postId"] for row in made["results"]]

    def has_one(self, status: str) -> bool:
        return self.statuses().get(status) == 1

    def statuses(self) -> dict[str, int]:
        return dict(self.call("GET", "/api/posts/counts")["byStatus"])
