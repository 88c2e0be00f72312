"""The job of every library: post a small JSON body over a kept connection."""

import threading

import requests

TIMEOUT_SECONDS = 30.0
_own = threading.local()


def session() -> requests.Session:
    """Return this thread's own session."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
        _own.session.trust_env = False
    return _own.session


def send(url: str, key: str) -> None:
    body = {"postId": key, "userId": "bench", "content": "A post of the bench", "platform": "linkedin"}
    session().post(url, json=body, timeout=TIMEOUT_SECONDS).raise_for_status()
