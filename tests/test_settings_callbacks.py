"""Settings of n8n's callbacks."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import SettingsError

OFF = {"CALLBACK_SHARED_SECRET_ALLOWED": "0"}


def test_callback_token_alone_needs_an_address_to_call():
    with pytest.raises(SettingsError) as caught:
        read_settings(OFF)
    [problem] = caught.value.problems
    assert problem.startswith("PUBLIC_BASE_URL is missing. With CALLBACK_SHARED_SECRET_ALLOWED=0, ")
    settings = read_settings(OFF | {"PUBLIC_BASE_URL": "https://punctual.example"})
    assert settings.callback_shared_secret_allowed is False


def test_shared_secret_is_allowed_by_default():
    assert read_settings({}).callback_shared_secret_allowed is True
