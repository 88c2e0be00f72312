"""The settings of poll mode: their bounds and defaults."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import Settings, SettingsError


def read(**environ: str) -> Settings:
    return read_settings(environ)


def test_poll_batch_is_10_and_concurrency_5_by_default():
    settings = read()
    assert (settings.poll_batch_size, settings.poll_concurrency, settings.poll_jitter_seconds) == (10, 5, 0.0)
    settings = read(POLL_BATCH_SIZE="50", POLL_CONCURRENCY="20", POLL_JITTER_SECONDS="2.5")
    assert (settings.poll_batch_size, settings.poll_concurrency, settings.poll_jitter_seconds) == (50, 20, 2.5)


def test_poll_jitter_is_0_to_30_seconds():
    assert [read(POLL_JITTER_SECONDS=raw).poll_jitter_seconds for raw in ("0", "0.0", "30")] == [0.0, 0.0, 30.0]
    for raw, problem in (("30.5", "30 or less"), ("-1", "a positive number"), ("soon", "a positive number")):
        with pytest.raises(SettingsError) as refused:
            read(POLL_JITTER_SECONDS=raw)
        assert f"POLL_JITTER_SECONDS must be {problem}" in refused.value.problems[0]
