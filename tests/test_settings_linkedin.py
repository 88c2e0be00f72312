"""The settings of LinkedIn's OAuth. Their problems are reported at start, each with its cure."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import SettingsError

APP = {"LINKEDIN_CLIENT_ID": "app", "LINKEDIN_CLIENT_SECRET": "secret"}
URLS = ["LINKEDIN_AUTHORIZATION_URL", "LINKEDIN_TOKEN_URL", "LINKEDIN_USERINFO_URL", "CONNECT_RETURN_URL"]


def problems(**environ: str) -> list[str]:
    try:
        read_settings(APP | environ)
    except SettingsError as error:
        return error.problems
    return []


def test_id_and_secret_are_enough_for_linkedin_itself():
    settings = read_settings(APP)
    assert settings.linkedin_authorization_url == "https://www.linkedin.com/oauth/v2/authorization"
    assert settings.linkedin_token_url == "https://www.linkedin.com/oauth/v2/accessToken"
    assert settings.linkedin_userinfo_url == "https://api.linkedin.com/v2/userinfo"
    assert settings.linkedin_scopes == ("openid", "profile", "w_member_social")
    assert (settings.linkedin_pkce, settings.linkedin_timeout_seconds, settings.connect_return_url) == (True, 10, None)
    assert settings.token_refresh_ahead_days == 7


@pytest.mark.parametrize("missing", APP)
def test_client_id_and_secret_need_each_other(missing: str):
    [problem] = problems(**{missing: ""})
    assert problem.startswith(f"{missing} is missing")


@pytest.mark.parametrize("name", URLS)
def test_an_address_is_https_outside_this_machine_and_the_local_stack(name: str):
    assert problems(**{name: "https://a.example/x"}) == []
    assert problems(**{name: "http://127.0.0.1:8090/x"}) == []
    assert problems(**{name: "http://a.example/x", "PUNCTUAL_LOCAL": "1"}) == []
    [problem] = problems(**{name: "http://a.example/x"})
    assert problem.startswith(f"{name} must be https, because tokens travel over it")
    assert problems(**{name: "a.example"}) == [f"{name} must be a full URL, such as https://example.com/path"]


def test_scopes_come_with_spaces_or_commas():
    assert read_settings(APP | {"LINKEDIN_SCOPES": "openid, profile  email"}).linkedin_scopes == (
        *("openid", "profile", "email"),
    )
    for raw in (",", 'a"b', "a\\b", "é", "x" * 101):
        assert problems(LINKEDIN_SCOPES=raw)[0].startswith("LINKEDIN_SCOPES must list OAuth scopes"), raw


@pytest.mark.parametrize("name", ["TOKEN_REFRESH_AHEAD_DAYS", "LINKEDIN_TIMEOUT_SECONDS"])
def test_a_time_is_positive(name: str):
    assert problems(**{name: "0.5"}) == []
    for raw in ("0", "-1", "soon", "1e300"):
        assert problems(**{name: raw})[0].startswith(f"{name} must be a positive number"), raw
