"""A pytest plugin for mutants: each test builds its SQL statements anew.

They are built once and kept. So only the first test would enter the code that builds them, and a mutant of that code
would be tried by that test alone.
"""

import pytest

from app.store import execute_for_rows


@pytest.fixture(autouse=True)
def fresh_statements() -> None:
    execute_for_rows._for_all.cache_clear()
    execute_for_rows._for_one.cache_clear()
