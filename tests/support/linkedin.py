"""A fake of LinkedIn's OAuth with scripted answers."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from app.domain.oauth import AuthorizationError, Grant, Member

DAY = 86_400.0
Answer = Grant | AuthorizationError


def grant(access: str = "access-2", refresh: str | None = None, days: float = 60, refresh_days: float | None = None):
    return Grant(access, refresh, days * DAY, refresh_days * DAY if refresh_days is not None else None)


def failure(code: str) -> AuthorizationError:
    return AuthorizationError(code, "simulated")


class FakeLinkedIn:
    """Gives `answers` in order, then `default_answer`. `during_call` runs before each answer."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.default_answer: Answer = grant()
        self.member = Member("urn:li:person:1", "Ann")
        self.identify_error: AuthorizationError | None = None
        self.during_call: Callable[[], Any] | None = None
        self.refreshed: list[tuple[str, float | None]] = []
        self.revoked: list[str] = []
        self.revoke_error: AuthorizationError | None = None
        self.exchanged: list[tuple[str, str]] = []
        self.verifiers: dict[str, str] = {}  # by state
        self._lock = threading.Lock()

    def authorization_url(self, state: str, verifier: str) -> str:
        self.verifiers[state] = verifier
        return f"https://linkedin.test/authorization?state={state}"

    def exchange(self, code: str, verifier: str) -> Grant:
        self.exchanged.append((code, verifier))
        return self._answer()

    def identify(self, access_token: str) -> Member:
        if self.identify_error is not None:
            raise self.identify_error
        return self.member

    def refresh(self, refresh_token: str, seconds: float | None = None) -> Grant:
        self.refreshed.append((refresh_token, seconds))
        return self._answer()

    def revoke(self, token: str) -> None:
        if self.revoke_error is not None:
            raise self.revoke_error
        self.revoked.append(token)

    def _answer(self) -> Grant:
        with self._lock:
            answer = self.answers.popleft() if self.answers else self.default_answer
        if self.during_call is not None:
            self.during_call()
        if isinstance(answer, AuthorizationError):
            raise answer
        return answer
