"""Configurations that must not start: plain http, the local stack's rights in public, and tokens of strangers."""

import secrets

import pytest

from app.local import environment
from tests.test_settings_secrets import QSTASH, problem, problems

HEX = secrets.token_hex(16)
JWKS = {"AUTH_JWKS_URL": "https://id.example/jwks", "AUTH_ISSUER": "https://id.example", "AUTH_AUDIENCE": "punctual"}
URLS = ["PUBLIC_BASE_URL", "QSTASH_URL", "N8N_WEBHOOK_URL", "AUTH_JWKS_URL", "CONNECT_RETURN_URL"]
URLS += ["LINKEDIN_AUTHORIZATION_URL", "LINKEDIN_TOKEN_URL", "LINKEDIN_USERINFO_URL"]


# Who signs in


@pytest.mark.parametrize("missing", ["AUTH_ISSUER", "AUTH_AUDIENCE"])
@pytest.mark.parametrize("local", ["0", "1"])
def test_key_set_without_issuer_or_audience_is_refused(missing: str, local: str):
    assert problems(JWKS) == []
    found = problem(JWKS, {missing: ""}, PUNCTUAL_LOCAL=local)
    assert found.startswith(f"{missing} is missing. With AUTH_JWKS_URL alone, any customer of the same provider ")
    both = problems(AUTH_JWKS_URL=JWKS["AUTH_JWKS_URL"])
    assert [line.split()[0] for line in both] == ["AUTH_ISSUER", "AUTH_AUDIENCE"]


def test_own_secret_needs_no_issuer_and_no_audience():
    assert problems(AUTH_JWT_SECRET=HEX) == []


# The local stack's rights


@pytest.mark.parametrize(
    "url",
    [
        "https://punctual.example",
        "http://192.168.1.7:8000",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://localhost.example",
        "http://127.0.0.1.nip.io",
        "http://127.0.0.1@punctual.example",
    ],
)
def test_local_stack_with_a_public_address_is_refused(url: str):
    assert problem(PUNCTUAL_LOCAL="1", PUBLIC_BASE_URL=url).startswith("PUNCTUAL_LOCAL must be unset where ")
    assert problem(PUNCTUAL_LOCAL="1", PUBLIC_BASE_URL=url, ALLOW_HTTP_HOSTS="192.168.1.7").startswith("PUNCTUAL_LOCAL")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_local_stack_on_a_loopback_address_may_start(host: str):
    assert problems(PUNCTUAL_LOCAL="1", PUBLIC_BASE_URL=f"http://{host}:8000") == []
    assert problems(PUBLIC_BASE_URL=f"http://{host}:8000") == []
    assert problems(PUBLIC_BASE_URL="http://[::ffff:127.0.0.1]:8000") == []


def test_local_stack_on_vercel_is_refused():
    environ = {"VERCEL": "1", "DATABASE_URL": "postgresql://h/d", "PUNCTUAL_LOCAL": "1"}
    assert problem(environ).startswith("PUNCTUAL_LOCAL must be unset on Vercel")
    assert problems(environ, PUNCTUAL_LOCAL="0") == []


@pytest.mark.parametrize("name", ["FLASK_DEBUG", "AUTHLIB_INSECURE_TRANSPORT", "SSLKEYLOGFILE"])
def test_debugging_switch_of_a_library_is_refused_outside_the_local_stack(name: str):
    found = problem(**{name: "1"})
    assert found.startswith(f"{name} ")
    assert found.endswith("It must be unset outside the local stack")
    assert problems(**{name: "1", "PUNCTUAL_LOCAL": "1"}) == []
    for off in ("", "0", "false", " "):
        assert problems(**{name: off}) == []


# Plain http


def with_url(name: str, url: str) -> dict[str, str]:
    return (JWKS if name == "AUTH_JWKS_URL" else {}) | {name: url}


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("host", ["n8n.example", "n8n", "10.0.0.7", "[fd00::7]", "127.0.0.1.nip.io", "0x7f.1", "127.1"])
def test_plain_http_beyond_this_machine_is_refused(name: str, host: str):
    found = problem(with_url(name, f"http://{host}:81"))
    assert found.startswith(f"{name} must be https, because ")
    assert "ALLOW_HTTP_HOSTS" in found
    assert problems(with_url(name, f"https://{host}:81")) == []


@pytest.mark.parametrize("name", URLS)
def test_plain_http_is_for_this_machine_and_the_allowed_hosts(name: str):
    for host in ("localhost", "127.0.0.1"):
        assert problems(with_url(name, f"http://{host}:81")) == []
    allowed = {"ALLOW_HTTP_HOSTS": "qstash, N8N ,10.0.0.7,"}
    for host in ("n8n", "qstash", "10.0.0.7", "N8N"):
        assert problems(with_url(name, f"http://{host}:81"), allowed) == []
    for host in ("n8n.example", "my.n8n", "n8n2", "10.0.0.70"):
        assert problem(with_url(name, f"http://{host}"), allowed).startswith(f"{name} must be https"), host
    if name != "PUBLIC_BASE_URL":
        assert problems(with_url(name, "http://n8n:81"), PUNCTUAL_LOCAL="1") == []


def test_allowed_host_may_be_an_ipv6_address():
    url = {"N8N_WEBHOOK_URL": "http://[fd00::7]:5678/webhook/x"}
    assert problems(url, ALLOW_HTTP_HOSTS="[fd00::7]") == problems(url, ALLOW_HTTP_HOSTS="FD00::7") == []


@pytest.mark.parametrize(
    "raw",
    ["http://n8n", "n8n:5678", "n8n/webhook", "*", "*.example", "n8n qstash", "é", "-n8n", "n8n;x", "a..b", "n" * 64],
)
def test_allowed_hosts_are_names_only(raw: str):
    found = problem(ALLOW_HTTP_HOSTS=f"qstash,{raw}")
    assert found == "ALLOW_HTTP_HOSTS must list host names, such as n8n,qstash: no scheme, port, path or pattern"


def test_all_refusals_come_together_with_their_cures():
    found = problems(
        QSTASH | {"QSTASH_TOKEN": environment.QSTASH_TOKEN, "PUBLIC_BASE_URL": "http://a.example"},
        {"AUTH_JWKS_URL": "http://id.example", "CRON_SECRET": "a" * 16, "FLASK_DEBUG": "1"},
        N8N_CALLBACK_SECRET=HEX,
        ADMIN_SECRET_KEY=HEX,
    )
    named = ["ADMIN_SECRET_KEY", "AUTH_AUDIENCE", "AUTH_ISSUER", "AUTH_JWKS_URL", "CRON_SECRET", "FLASK_DEBUG"]
    assert sorted(line.split()[0] for line in found) == [*named, "PUBLIC_BASE_URL", "QSTASH_TOKEN"]
