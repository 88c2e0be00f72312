"""The setting of the header for n8n's authentication."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import SettingsError

NAME = "N8N_WEBHOOK_AUTH_HEADER"


def test_a_header_is_one_line():
    for raw, read in (
        ("X-Api-Key:value", "X-Api-Key: value"),
        ("Authorization :  Basic a:b==", "Authorization: Basic a:b=="),
    ):
        assert read_settings({NAME: raw}).n8n_webhook_auth_header == read


@pytest.mark.parametrize(
    "raw", ["X-Api-Key", "X-Api-Key:", ": value", "X: a\r\nY: b", "X: a\nb", "X: é", "X: a\tb", "X: \0"]
)
def test_malformed_header_is_refused_with_an_example(raw: str):
    with pytest.raises(SettingsError) as refused:
        read_settings({NAME: raw})
    assert refused.value.problems == [f"{NAME} must be one header line, such as X-Api-Key: value"]
