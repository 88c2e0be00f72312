"""Faults on request, at the token endpoint or at userinfo, for a number of times or until they are cleared."""

import re
from dataclasses import asdict, dataclass
from typing import Any

ENDPOINTS = ("token", "userinfo")
WORDS = {
    "hang": "never answer",
    "drop": "cut the connection",
    "act drop": "issue new tokens and cut the connection",
    "garbage": "answer 200 with a body that is not JSON",
    "invalid-grant": "answer that the code or refresh token is invalid",
    "invalid-client": "refuse the client's id and secret",
    "web-flow": "refuse every code_verifier as invalid_client, as LinkedIn does for apps without PKCE",
    "no-refresh-token": "answer without a refresh token, as LinkedIn does for apps without approval for it",
    "rotate": "answer with a new refresh token and revoke the old one",
}


class InvalidFaultError(ValueError):
    """A fault request that is not valid. Its text is the answer to the caller."""


@dataclass(slots=True)
class Fault:
    do: str
    at: str = "token"
    times: int | None = 1  # remaining uses, None: always


class Faults:
    """The requested faults in order of arrival. The first fault for an endpoint is used first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, request: Any) -> Fault:
        """Add a fault from the body of a control request.

        Raises: InvalidFaultError when the body is not a valid fault.
        """
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            raise InvalidFaultError('send {"do": "503", "at": "token" or "userinfo", "times": 1 or null}')
        do, at, times = request["do"], request.get("at", "token"), request.get("times", 1)
        if do not in WORDS and not re.fullmatch(r"[45]\d\d", do):
            raise InvalidFaultError(f"unknown word {do!r}: use a status such as 503, or {', '.join(WORDS)}")
        if at not in ENDPOINTS:
            raise InvalidFaultError(f"'at' must be one of {', '.join(ENDPOINTS)}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise InvalidFaultError("'times' must be a whole number from 1 up, or null for always")
        self._faults.append(Fault(do, at, times))
        return self._faults[-1]

    def take(self, endpoint: str) -> str:
        """Return the word of the endpoint's next fault and use it once. Empty string: no fault."""
        for fault in self._faults:
            if fault.at == endpoint:
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
