"""A running Punctual and its OpenAPI document, from which the tests generate clients as a frontend developer does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.mcp.conftest import Punctual, running


@pytest.fixture
def punctual(sqlite_url: str) -> Iterator[Punctual]:
    with running(sqlite_url) as started:
        yield started


@pytest.fixture
def token(punctual: Punctual) -> str:
    return punctual.user.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def document_file(punctual: Punctual, tmp_path: Path) -> Path:
    answer = requests.get(f"{punctual.url}/openapi.json", timeout=30)
    path = tmp_path / "openapi.json"
    path.write_bytes(answer.content)
    return path
