"""N8N_WEBHOOK_URL: one address, or several with commas between them."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import Settings, SettingsError

A, B = "https://a.example.com/webhook/secret-a", "https://b.example.com/webhook/secret-b"


def read(raw: str, **others: str) -> Settings:
    return read_settings({"N8N_WEBHOOK_URL": raw, **others})


def problems(raw: str, **others: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(raw, **others)
    return refused.value.problems


def test_one_url_is_taken_as_it_is_and_named_n8n():
    settings = read(A)
    assert (settings.n8n_webhook_url, settings.n8n_webhook_urls, settings.n8n_names) == (A, (A,), ("n8n",))


def test_no_url_is_no_publisher():
    assert (read("").n8n_webhook_urls, read("").n8n_names) == ((), ("n8n",))


def test_several_urls_keep_their_order_and_lose_their_spaces():
    assert read(f" {B} ,\n {A}").n8n_webhook_urls == (B, A)


def test_names_are_hosts_and_hold_no_path_or_password():
    settings = read(f"https://user:pass-word@a.example.com:8443/webhook/x,{B}")
    assert settings.n8n_names == ("a.example.com:8443", "b.example.com")


def test_two_workflows_of_one_host_have_different_names():
    names = read("https://a.example.com/webhook/x,https://a.example.com/webhook/y").n8n_names
    assert names == ("a.example.com (1)", "a.example.com (2)")


@pytest.mark.parametrize(
    "raw",
    [f"{A},{A}", f"{A}, {A}", f"{A},https://A.example.com:443/webhook/secret-a", f"{A},{B},{A}"],
)
def test_duplicate_url_is_refused_without_showing_it(raw: str):
    [problem] = problems(raw)
    assert problem.startswith("N8N_WEBHOOK_URL must list each URL once")
    assert "secret" not in problem


@pytest.mark.parametrize("raw", [f"{A},", f",{A}", f"{A},,{B}", f"{A},b.example.com/webhook/x", f"{A} {B}"])
def test_every_part_must_be_a_full_url(raw: str):
    [problem] = problems(raw)
    assert problem.startswith("N8N_WEBHOOK_URL must be a full URL")


def test_more_than_eight_urls_are_refused():
    assert len(read(",".join(f"https://n8n-{n}.example.com/webhook/x" for n in range(8))).n8n_webhook_urls) == 8
    [problem] = problems(",".join(f"https://n8n-{n}.example.com/webhook/x" for n in range(9)))
    assert problem.startswith("N8N_WEBHOOK_URL must list at most 8 URLs")


@pytest.mark.parametrize("place", [0, 1])
def test_each_url_is_checked_for_http_and_for_the_test_address(place: int):
    def among(url: str) -> str:
        return ",".join([A, url] if place else [url, A])

    assert problems(among("http://b.example.com/webhook/x"))[0].startswith("N8N_WEBHOOK_URL must be https")
    assert problems(among("https://b.example.com/webhook-test/x"))[0].startswith("N8N_WEBHOOK_URL is a test URL")
    assert read(among("http://127.0.0.1:5678/webhook/x")).n8n_webhook_urls[place] == "http://127.0.0.1:5678/webhook/x"
    assert read(among("http://n8n/webhook/x"), ALLOW_HTTP_HOSTS="n8n").n8n_webhook_urls[place] == "http://n8n/webhook/x"
