"""A JSON client for the servers of the local stack. Errors carry the server's own detail text."""

from typing import Any

import requests

from app.local.errors import StackError

TIMEOUT_SECONDS = 15.0


def answers(url: str) -> bool:
    """Return True if a server at this URL answers with a status below 500."""
    with _session() as session:
        try:
            return session.get(url, timeout=2).status_code < 500
        except requests.RequestException:
            return False


class Client:
    """Calls to one base URL, with a bearer token if one is given.

    Every call raises StackError when there is no answer within 15 seconds or the status is 400 or more.
    """

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self._base_url = base_url
        self._session = _session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> Any:
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._call("POST", path, json=body or {})

    def close(self) -> None:
        self._session.close()

    def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._session.request(method, self._base_url + path, timeout=TIMEOUT_SECONDS, **more)
        except requests.RequestException as error:
            raise StackError(f"{method} {self._base_url}{path}: no answer ({error}).") from None
        if not answer.ok:
            raise StackError(f"{method} {path} was answered with {answer.status_code}: {_reason(answer)}")
        return answer.json() if answer.content else None


def _reason(answer: requests.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:300]
    if not isinstance(problem, dict):
        return str(problem)[:300]
    return str(problem.get("detail") or problem.get("title") or problem)[:300]


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy or a .netrc of the shell must not affect calls on the loopback
    return session
