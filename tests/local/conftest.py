"""Fixtures of the local stack's tests."""

from collections.abc import Iterator

import pytest

from tests.local.n8n_calls import SECRET
from tests.local.support import Program, Receiver, running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Stands where Punctual would stand."""
    server = Receiver()
    yield server
    server.close()


@pytest.fixture(scope="module")
def n8n() -> Iterator[Program]:
    """One stand-in for a module's tests, which do not share posts or authors."""
    with running("app.local.n8n", "--port", "0", "--callback-delay", "5", N8N_CALLBACK_SECRET=SECRET) as program:
        yield program
