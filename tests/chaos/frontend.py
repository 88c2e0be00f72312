"""A frontend that does not give up: a call without an answer is tried again, and what was answered is written down."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import requests

from tests.chaos.authored_post import Call, Story, Wish

TIMEOUT_SECONDS = 15.0
PAUSE_SECONDS = 0.5
GIVE_UP_SECONDS = 150.0


class GaveUpError(Exception):
    """The app did not answer for so long, or we are told to stop."""


class Frontend:
    """Threads share one; each has connections of its own."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._token = token
        self._own = threading.local()
        self.stop = threading.Event()

    def account(self) -> str:
        body = {"platform": "linkedin", "personUrn": "urn:li:person:chaos", "accessToken": "chaos-token"}
        answer, _ = self._until_answered("POST", "/api/social-accounts", {**body, "accountName": "Chaos"})
        return str(answer.json()["id"])

    def write(self, label: str, text: str, account: str) -> Story:
        """A draft. Written twice where the answer was lost: the first is then an orphan that nobody schedules."""
        body = {"content": text, "platform": "linkedin", "socialAccountId": account}
        answer, _ = self._until_answered("POST", "/api/posts", body)
        answer.raise_for_status()
        return Story(answer.json()["id"], label, text)

    def carry_out(self, story: Story, wish: Wish, due: float | None = None) -> Call:
        """One wish, tried until there is a definite answer, and added to the story from the start."""
        call = Call(wish, time.time(), asked=_whole_ms(due))
        story.calls.append(call)
        path = f"/api/posts/{story.post_id}"
        if wish is Wish.SCHEDULE:
            assert call.asked is not None
            self._ask(story, call, "POST", f"{path}/schedule", {"scheduledAt": _iso(call.asked)})
        elif wish is Wish.UNSCHEDULE:
            self._ask(story, call, "POST", f"{path}/unschedule", {})
        else:
            self._ask(story, call, "DELETE", path, None)
        return call

    def read(self, post_id: str) -> dict[str, Any]:
        answer, _ = self._until_answered("GET", f"/api/posts/{post_id}", None)
        answer.raise_for_status()
        return dict(answer.json())

    def _ask(self, story: Story, call: Call, method: str, path: str, body: Any) -> None:
        # Until a refusal is certain, the call may be in force from its first try on.
        call.granted = True
        answer, call.doubts = self._until_answered(method, path, body, call)
        if answer.ok:
            call.due = _instant(answer.json()["scheduledAt"]) if call.wish is Wish.SCHEDULE else None
        elif call.doubts:
            self._look(story, call)
        else:
            call.granted = False
        call.answer, call.ended = _told(answer), time.time()

    def _look(self, story: Story, call: Call) -> None:
        """A refusal after a try in doubt: that try may be the reason, and the post itself says so."""
        post = self.read(story.post_id)
        if call.wish is Wish.SCHEDULE:
            call.due = _instant(post["scheduledAt"]) if post["scheduledAt"] else None
            call.granted = call.due is not None and call.due == call.asked
        else:
            call.granted = post["status"] == ("draft" if call.wish is Wish.UNSCHEDULE else "cancelled")

    def _until_answered(
        self, method: str, path: str, body: Any, call: Call | None = None
    ) -> tuple[requests.Response, int]:
        doubts, give_up = 0, time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < give_up and not self.stop.is_set():
            try:
                answer = self._session().request(method, self._base_url + path, json=body, timeout=TIMEOUT_SECONDS)
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code < 500:
                return answer, doubts
            doubts += 1
            if call is not None:
                call.doubts = doubts
            self.stop.wait(PAUSE_SECONDS)
        raise GaveUpError(f"{method} {path}: no answer in {GIVE_UP_SECONDS:g} s")

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            self._own.session = session = requests.Session()
            session.trust_env = False  # neither a proxy nor a .netrc has a say on the loopback
            session.headers["Authorization"] = f"Bearer {self._token}"
        return self._own.session


def _told(answer: requests.Response) -> str:
    if answer.ok:
        return str(answer.status_code)
    try:
        return f"{answer.status_code} {answer.json().get('code')}"
    except ValueError:
        return str(answer.status_code)


def _iso(instant: float) -> str:
    text = datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _whole_ms(instant: float | None) -> float | None:
    """As the wire has it, so that what is asked for and what is answered can be compared."""
    return None if instant is None else _instant(_iso(instant))
