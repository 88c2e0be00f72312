"""Calls to the n8n stand-in: send posts, read its ledger, its published posts and its reports."""

from typing import Any
from uuid import uuid4

import requests

from tests.local.support import Program, Receiver, wait_for

SECRET = "callback-secret-of-the-tests"


def post(receiver: Receiver, content: str = "", **more: Any) -> dict[str, Any]:
    """Return a request body as Punctual sends it, with a new post by a new author."""
    return {
        "postId": str(uuid4()),
        "userId": "user-1",
        "accessToken": "token-of-the-author",
        "personUrn": f"urn:li:person:{uuid4().hex[:8]}",
        "content": content or f"Hello {uuid4()}",
        "imageUrl": None,
        "platform": "linkedin",
        "attempt": 1,
        "callbackUrl": f"{receiver.url}/api/webhooks/publish-status",
        "claimUrl": f"{receiver.url}/api/webhooks/claim",
        **more,
    }


def send(
    n8n: Program, body: dict[str, Any], *, timeout: float = 10, headers: dict[str, str] | None = None
) -> requests.Response:
    return requests.post(f"{n8n.url}/webhook/publish-linkedin", json=body, headers=headers, timeout=timeout)


def ledger(n8n: Program, post_id: str) -> list[dict[str, Any]]:
    return requests.get(f"{n8n.url}/_local/ledger", params={"postId": post_id}, timeout=10).json()


def published(n8n: Program, post_id: str) -> list[dict[str, Any]]:
    return requests.get(f"{n8n.url}/_local/published", params={"postId": post_id}, timeout=10).json()


def reports(receiver: Receiver, body: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    return wait_for(f"{count} reports", lambda: (got := receiver.of(body["postId"]))[count - 1 :] and got)


def report_answered(n8n: Program, body: dict[str, Any]) -> bool:
    """Return True if the stand-in has recorded its report's answer. No further report is then in flight."""
    return bool(ledger(n8n, body["postId"])[0]["reports"])
