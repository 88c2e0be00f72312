"""The server of agents over streamable HTTP, and its settings."""

from __future__ import annotations

import subprocess
import sys

import httpx2
import pytest

from app.mcp.http import read_address
from app.mcp.settings import Settings, SettingsError, read_settings
from tests.mcp.agents import ROOT, connect, environment, serving_http
from tests.mcp.conftest import Punctual

URL, TOKEN, SECRET = "https://punctual.example.com", "pk_abc", "s" * 32
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def status_of(address: str, **headers: str) -> int:
    sent = ACCEPT | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(address, json=LIST, headers=sent, trust_env=False, timeout=30).status_code


def test_tools_work_over_http_on_loopback(punctual: Punctual):
    with serving_http(punctual.url, punctual.key("read", "write")) as address, connect(address) as agent:
        post_id = agent.call("create_post", content="Over HTTP.")["postId"]
        assert agent.call("get_post", post_id=post_id)["post"]["content"] == "Over HTTP."
    assert punctual.statuses() == ["draft"]


def test_foreign_host_and_foreign_origin_are_refused_on_loopback():
    with serving_http("http://127.0.0.1:1", TOKEN) as address:
        assert status_of(address) == 200
        assert status_of(address, Host="evil.example") == 421
        assert status_of(address, Host="127.0.0.1.evil.example:80") == 421
        assert status_of(address, Origin="https://evil.example") == 403
        assert status_of(address, Origin="http://localhost:1234") == 200


def test_with_a_secret_no_call_passes_without_it():
    with serving_http("http://127.0.0.1:1", TOKEN, PUNCTUAL_MCP_SECRET=SECRET) as address:
        assert status_of(address) == 401
        assert status_of(address, Authorization=f"Bearer {SECRET}x") == 401
        assert status_of(address, Authorization=SECRET) == 401
        assert status_of(address, Authorization=f"Bearer {SECRET}") == 200
        assert httpx2.get(address, trust_env=False).status_code == 401


@pytest.mark.parametrize("address", ["0.0.0.0:8765", "[::]:8765", "192.168.1.5:1", "punctual.example.com:80"])
def test_address_beyond_loopback_needs_the_secret(address: str):
    with pytest.raises(SettingsError, match="PUNCTUAL_MCP_SECRET"):
        read_address(address, Settings(URL, TOKEN))
    host, port = read_address(address, Settings(URL, TOKEN, secret=SECRET))
    assert address in (f"{host}:{port}", f"[{host}]:{port}")


@pytest.mark.parametrize("address", ["127.0.0.1:8765", "[::1]:8765", "localhost:1"])
def test_loopback_needs_no_secret(address: str):
    assert read_address(address, Settings(URL, TOKEN))[0] in ("127.0.0.1", "::1", "localhost")


@pytest.mark.parametrize("address", ["8765", ":8765", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "127.0.0.1:١"])
def test_bad_address_is_refused(address: str):
    with pytest.raises(SettingsError, match="HOST:PORT"):
        read_address(address, Settings(URL, TOKEN))


@pytest.mark.parametrize(
    "url", ["https://p.example", "http://127.0.0.1:8000/", "http://localhost", "http://[::1]:8000"]
)
def test_https_and_http_to_loopback_are_taken(url: str):
    assert read_settings(environment(url, TOKEN)).url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "punctual.example.com",
        "http://punctual.example.com",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "https://user:word@p.example",
        "https://p.example?x=1",
        "ftp://p.example",
        "https://[::1",
        "https://p.example:port",
    ],
)
def test_other_addresses_are_refused(url: str):
    with pytest.raises(SettingsError, match="PUNCTUAL_URL"):
        read_settings(environment(url, TOKEN))


def test_all_bad_settings_are_named_at_once_and_no_secret_is_shown():
    bad = environment("http://p.example", "two words", PUNCTUAL_TIME_ZONE="Mars/Base", PUNCTUAL_MCP_SECRET="short-one")
    command = [sys.executable, "-m", "app.mcp"]
    done = subprocess.run(command, cwd=ROOT, env=bad, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    for name in ("PUNCTUAL_URL", "PUNCTUAL_TOKEN", "PUNCTUAL_TIME_ZONE", "PUNCTUAL_MCP_SECRET"):
        assert name in done.stderr
    assert "two words" not in done.stderr
    assert "short-one" not in done.stderr


def test_settings_show_no_secret():
    shown = repr(Settings(URL, TOKEN, secret=SECRET))
    assert TOKEN not in shown
    assert SECRET not in shown
