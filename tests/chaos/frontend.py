"""A frontend that repeats each call until it is answered, and records the answer."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import requests

from tests.chaos.answers import AnswerLog
from tests.chaos.authored_post import Action, AuthoredPost, Call

TIMEOUT_SECONDS = 15.0
PAUSE_SECONDS = 0.5
GIVE_UP_SECONDS = 150.0


class NoAnswerError(Exception):
    """The app did not answer within GIVE_UP_SECONDS, or the run is stopping."""


class Frontend:
    """Shared by threads. Each thread has connections of its own. A new `token` is used from the next call on."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self.token = token
        self._own = threading.local()
        self.stop = threading.Event()
        self.answers = AnswerLog()

    def account(self) -> str:
        body = {"platform": "linkedin", "personUrn": "urn:li:person:chaos", "accessToken": "chaos-token"}
        answer, _ = self._until_answered("POST", "/api/social-accounts", {**body, "accountName": "Chaos"})
        return str(answer.json()["id"])

    def write(self, label: str, text: str, account: str) -> AuthoredPost:
        """Create a draft. If the answer is lost, a second one is created and the first stays unscheduled."""
        body = {"content": text, "platform": "linkedin", "socialAccountId": account}
        answer, _ = self._until_answered("POST", "/api/posts", body)
        answer.raise_for_status()
        return AuthoredPost(answer.json()["id"], label, text)

    def write_once(self, label: str, text: str, account: str, due: float, key: str) -> AuthoredPost | None:
        """Create a scheduled post with an Idempotency-Key. However often it is repeated, there is one post.

        None means that its instant had passed before any try took effect: a killed worker keeps a key for a minute.
        """
        call = Call(Action.SCHEDULE, time.time(), asked=_whole_ms(due), granted=True)
        body = {"content": text, "platform": "linkedin", "socialAccountId": account, "scheduledAt": _iso(due)}
        answer, call.doubts = self._until_answered("POST", "/api/posts", body, call, key)
        if call.doubts and _answer_text(answer) == "422 schedule_in_past":
            return None
        answer.raise_for_status()
        call.due, call.answer, call.ended = _instant(answer.json()["scheduledAt"]), _answer_text(answer), time.time()
        return AuthoredPost(answer.json()["id"], label, text, [call])

    def perform(self, post: AuthoredPost, action: Action, due: float | None = None) -> Call:
        """Repeat one action until it gets a definite answer. The call is added to the post first."""
        call = Call(action, time.time(), asked=_whole_ms(due))
        post.calls.append(call)
        path = f"/api/posts/{post.post_id}"
        if action is Action.SCHEDULE:
            assert call.asked is not None
            self._ask(post, call, "POST", f"{path}/schedule", {"scheduledAt": _iso(call.asked)})
        elif action is Action.UNSCHEDULE:
            self._ask(post, call, "POST", f"{path}/unschedule", {})
        else:
            self._ask(post, call, "DELETE", path, None)
        return call

    def read(self, post_id: str) -> dict[str, Any]:
        answer, _ = self._until_answered("GET", f"/api/posts/{post_id}", None)
        answer.raise_for_status()
        return dict(answer.json())

    def ask(self, path: str) -> None:
        """Read once, without another try. The answer is only counted."""
        self._try("GET", path, None)

    def _ask(self, post: AuthoredPost, call: Call, method: str, path: str, body: Any) -> None:
        # Until a refusal is certain, the call may have taken effect at its first try.
        call.granted = True
        answer, call.doubts = self._until_answered(method, path, body, call)
        if answer.ok:
            call.due = _instant(answer.json()["scheduledAt"]) if call.action is Action.SCHEDULE else None
        elif call.doubts:
            self._confirm_refusal(post, call)
        else:
            call.granted = False
        call.answer, call.ended = _answer_text(answer), time.time()

    def _confirm_refusal(self, post: AuthoredPost, call: Call) -> None:
        """Decide by the post itself if a refused call had taken effect at an earlier unanswered try."""
        body = self.read(post.post_id)
        if call.action is Action.SCHEDULE:
            call.due = _instant(body["scheduledAt"]) if body["scheduledAt"] else None
            call.granted = call.explains(call.due, time.time())
        else:
            call.granted = body["status"] == ("draft" if call.action is Action.UNSCHEDULE else "cancelled")

    def _until_answered(
        self, method: str, path: str, body: Any, call: Call | None = None, key: str | None = None
    ) -> tuple[requests.Response, int]:
        doubts, deadline = 0, time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline and not self.stop.is_set():
            answer = self._try(method, path, body, key)
            if answer is not None and answer.status_code < 500 and not _is_in_flight(answer):
                return answer, doubts
            doubts += 1
            if call is not None:
                call.doubts = doubts
            self.stop.wait(PAUSE_SECONDS)
        raise NoAnswerError(f"{method} {path}: no answer in {GIVE_UP_SECONDS:g} s")

    def _try(self, method: str, path: str, body: Any, key: str | None = None) -> requests.Response | None:
        """Call once and count the answer. None means there was none."""
        url, headers = self._base_url + path, {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            answer = self._session().request(method, url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except requests.RequestException:
            answer = None
        self.answers.note(method, path, answer)
        return answer

    def _session(self) -> requests.Session:
        if not hasattr(self._own, "session"):
            self._own.session = session = requests.Session()
            session.trust_env = False  # ignore proxies and .netrc on the loopback
        return self._own.session


def _is_in_flight(answer: requests.Response) -> bool:
    """Return True if an earlier try with the same key may still be at work: its answer comes later."""
    return answer.status_code == 409 and bool(answer.json().get("code") == "idempotency_in_flight")


def _answer_text(answer: requests.Response) -> str:
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
    """Round to the milliseconds of the API, so requested and answered instants compare equal."""
    return None if instant is None else _instant(_iso(instant))
