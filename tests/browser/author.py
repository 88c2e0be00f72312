"""An author at the console: the first steps of the tests of the composer and of a post's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.browser.conftest import PATIENCE
from tests.browser.console import Console

SET_TEXT = """
const [field, text] = arguments;
Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
field.dispatchEvent(new Event("input", {bubbles: true}));
"""

CHOOSE = """
const [field, text] = arguments;
field.value = [...field.options].find((one) => one.text.startsWith(text)).value;
field.dispatchEvent(new Event("change", {bubbles: true}));
"""


class Author(Console):
    """A person who writes posts, with the API beside the pages."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.up.token}"}
        url = self.up.ports.url("app") + path
        answer = requests.request(method, url, json=body, headers=headers, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def read(self, post_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/api/posts/{post_id}")
        return found

    def create(self, content: str, seconds: float | None = None, **fields: Any) -> str:
        """Create a post by the API, scheduled so many seconds ahead, or a draft."""
        at = {} if seconds is None else {"scheduledAt": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}
        return str(self.call("POST", "/api/posts", {"content": content, **at, **fields})["id"])

    def comes_to(self, post_id: str, status: str) -> dict[str, Any]:
        """Wait until the post has this status."""
        return self.wait(
            f"the status {status}", lambda: found if (found := self.read(post_id))["status"] == status else None
        ) or self.read(post_id)

    def sends_of(self, post_id: str) -> int:
        """Count the requests to n8n for this post."""
        ledger = requests.get(f"{self.up.ports.url('n8n')}/_local/ledger", timeout=PATIENCE).json()
        return sum(1 for entry in ledger if entry["postId"] == post_id)

    def write(self, text: str) -> None:
        """Set the composer's text at once. Keys send no character beyond the basic plane."""
        self.browser.execute_script(SET_TEXT, self.find("textarea"), text)

    def fill_account(self, platform: str) -> None:
        """Choose the first account of this platform."""
        self.browser.execute_script(CHOOSE, self.labelled("Account"), platform)

    def choose(self, when: str, zone: str) -> None:
        date, time = when.split("T")
        self.fill("Date", date)
        self.fill("Time", time)
        self.fill("Time zone", zone)

    @property
    def post_id(self) -> str:
        """The post of the present address, once there is one."""

        def found() -> str | None:
            path, _, query = self.path.partition("?")
            last = path.rpartition("/")[2]
            return query.partition("id=")[2] or None if last == "new" else last

        return str(self.wait("the address of a post", found))

    def arrives_at_the_post(self) -> str:
        """Wait for the page of the post. Return the post's id."""
        self.find(".story li")
        return self.post_id

    def offline(self, is_off: bool) -> None:
        conditions = {"offline": is_off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
