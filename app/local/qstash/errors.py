"""Refusal: the one exception that becomes an error answer, with the service's own words and status."""

from collections.abc import Mapping


class Refusal(Exception):
    """A request that is answered `{"error": text}` with this status."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


def not_found(kind: str, identity: str) -> Refusal:
    return Refusal(404, f"{kind} {identity} not found")
