"""The setting for the time limit of the media check."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import SettingsError


def test_media_check_is_bounded_and_can_be_disabled():
    assert read_settings({}).media_check_seconds == 2
    for raw, seconds in (("0", 0), ("0.5", 0.5), ("30", 30)):
        assert read_settings({"MEDIA_CHECK_SECONDS": raw}).media_check_seconds == seconds


@pytest.mark.parametrize("raw", ["-1", "31", "nan", "inf", "soon"])
def test_unbounded_media_check_is_refused(raw: str):
    with pytest.raises(SettingsError) as refused:
        read_settings({"MEDIA_CHECK_SECONDS": raw})
    assert [problem.split(" must")[0] for problem in refused.value.problems] == ["MEDIA_CHECK_SECONDS"]
