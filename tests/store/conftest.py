from collections.abc import Iterator

import pytest

from tests.support.rows import Rows


@pytest.fixture
def rows(database_url: str) -> Iterator[Rows]:
    made = Rows(database_url)
    yield made
    made.close()
