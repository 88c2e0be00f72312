"""The fixtures of the doctor's tests: QStash and n8n in one server, and a Python without known holes."""

from collections.abc import Iterator

import pytest

from app.operations.doctor import python
from tests.adapters.servers import http_server
from tests.doctor.installation import Outside


@pytest.fixture
def outside() -> Iterator[Outside]:
    with http_server() as server:
        made = Outside(server)
        server.answer = made.answer
        yield made


@pytest.fixture(autouse=True)
def _python_without_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "running", lambda: (3, 99, 0))
