"""Fixtures for the tests of the local stack."""

from collections.abc import Iterator

import pytest

from tests.local.n8n_calls import SECRET
from tests.local.support import Program, Receiver, running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP server in Punctual's place."""
    server = Receiver()
    yield server
    server.close()


@pytest.fixture(scope="module")
def n8n() -> Iterator[Program]:
    """One stand-in for all tests of a module. The tests do not share posts or authors."""
    with running("app.local.n8n", "--port", "0", "--callback-delay", "5", N8N_CALLBACK_SECRET=SECRET) as program:
        yield program
