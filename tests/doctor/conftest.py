"""The fixture of the doctor's tests: QStash and n8n in one server."""

from collections.abc import Iterator

import pytest

from tests.adapters.servers import http_server
from tests.doctor.installation import Outside


@pytest.fixture
def outside() -> Iterator[Outside]:
    with http_server() as server:
        made = Outside(server)
        server.answer = made.answer
        yield made
