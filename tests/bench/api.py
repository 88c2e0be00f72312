"""A minimal API client, so that its own cost does not distort the measurement."""

import http.client
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60.0


class Api:
    """Shared by threads. Each thread keeps a connection of its own."""

    def __init__(self, base_url: str, token: str) -> None:
        self._address = urlsplit(base_url).netloc
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._own = threading.local()

    def account(self) -> str:
        body = {"platform": "linkedin", "personUrn": "urn:li:person:bench", "accessToken": "bench-token"}
        return str(self._post("/api/social-accounts", {**body, "accountName": "Bench"})["id"])

    def write(self, text: str, account: str) -> str:
        body = {"content": text, "platform": "linkedin", "socialAccountId": account}
        return str(self._post("/api/posts", body)["id"])

    def schedule(self, post_id: str, due: float) -> None:
        at = datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answer = self._post(f"/api/posts/{post_id}/schedule", {"scheduledAt": at})
        if not answer["armed"]:
            raise RuntimeError(f"{post_id} is scheduled but not armed: {answer['warnings']}")

    def bulk(self, texts: Sequence[str], due: float, account: str) -> None:
        """Create, schedule and arm posts in one call."""
        at = datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rows = [{"op": "create", "content": text, "socialAccountId": account, "scheduledAt": at} for text in texts]
        answer = self._post("/api/posts/bulk", {"operations": rows})
        unarmed = [row for row in answer["results"] if row["status"] != "done" or row.get("warnings")]
        if unarmed or answer["done"] != len(texts):
            raise RuntimeError(f"{len(unarmed)} rows are refused or not armed: {unarmed[:1]}")

    def unschedule(self, post_id: str) -> None:
        self._post(f"/api/posts/{post_id}/unschedule", {})

    def close(self) -> None:
        """Close this thread's connection."""
        self._connection().close()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        connection = self._connection()
        connection.request("POST", path, json.dumps(body), self._headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"POST {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        return self._own.connection
