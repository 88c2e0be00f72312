"""The bound of posts in flight: learned, or a number."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import SettingsError


def read(raw: str) -> int | None:
    return read_settings({"N8N_MAX_IN_FLIGHT": raw}).n8n_max_in_flight


def test_posts_in_flight_are_auto_by_default_or_a_number_from_one():
    assert [read(raw) for raw in ("", "auto", "AUTO", "1", "25")] == [None, None, None, 1, 25]
    for wrong in ("0", "-1", "1.5", "many"):
        with pytest.raises(SettingsError) as refused:
            read(wrong)
        [problem] = refused.value.problems
        assert problem.startswith("N8N_MAX_IN_FLIGHT must be a whole number, 1 or more")
        assert problem.endswith("Or auto")
