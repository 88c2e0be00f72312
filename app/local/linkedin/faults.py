"""What goes wrong on demand, at the token endpoint or at userinfo: so many times, or until it is taken back."""

import re
from dataclasses import asdict, dataclass
from typing import Any

PLACES = ("token", "userinfo")
WORDS = {
    "hang": "never answer",
    "drop": "cut the connection",
    "act drop": "give new tokens out and cut the connection",
    "garbage": "answer 200 with what is no JSON",
    "invalid-grant": "say that the code or refresh token is no longer good",
    "invalid-client": "refuse the client's id and secret",
    "web-flow": "refuse every code_verifier as invalid_client, as LinkedIn does for apps without PKCE",
    "no-refresh-token": "answer without a refresh token, as LinkedIn does for apps that are not approved for it",
    "rotate": "answer with a new refresh token; the old one dies",
}


class UnknownWordError(ValueError):
    """A wish that cannot be granted; its text is a sentence for whoever made it."""


@dataclass(slots=True)
class Fault:
    do: str
    at: str = "token"
    times: int | None = 1  # left; None: always


class Faults:
    """In the order they came; the first that is for a place is used up first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, wish: Any) -> Fault:
        if not isinstance(wish, dict) or not isinstance(wish.get("do"), str):
            raise UnknownWordError('send {"do": "503", "at": "token" or "userinfo", "times": 1 or null}')
        do, at, times = wish["do"], wish.get("at", "token"), wish.get("times", 1)
        if do not in WORDS and not re.fullmatch(r"[45]\d\d", do):
            raise UnknownWordError(f"unknown word {do!r}; use a status such as 503, or {', '.join(WORDS)}")
        if at not in PLACES:
            raise UnknownWordError(f"'at' is one of {', '.join(PLACES)}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise UnknownWordError("'times' is a whole number from 1 up, or null for always")
        self._faults.append(Fault(do, at, times))
        return self._faults[-1]

    def take(self, place: str) -> str:
        """What to do wrong this time; nothing is the empty word."""
        for fault in self._faults:
            if fault.at == place:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault.do
        return ""

    def clear(self) -> None:
        self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._faults]
