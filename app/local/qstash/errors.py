"""The exception for an error answer of the API."""

from collections.abc import Mapping


class ApiError(Exception):
    """An error answer: the body `{"error": text}` with this status."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


def not_found(kind: str, identity: str) -> ApiError:
    return ApiError(404, f"{kind} {identity} not found")
