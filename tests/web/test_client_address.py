"""The client's address: of trusted proxies only, and IPv6 by its network."""

import pytest

from app.settings.environment import read_settings
from app.settings.values import SettingsError
from app.web.client_address import client_address
from tests.web.conftest import MakeSite
from tests.web.site import Site

FORWARDED = "X-Forwarded-For"


def address_of(site: Site, remote: str, *forwarded: str) -> str:
    seen: list[str] = []
    site.app.before_request_funcs.setdefault(None, []).append(lambda: seen.append(client_address()))
    headers = [(FORWARDED, value) for value in forwarded]
    site.client.get("/healthz", headers=headers, environ_base={"REMOTE_ADDR": remote})
    return seen[-1]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, ["198.51.100.9"], "10.0.0.1"),  # without a trusted proxy the header is a stranger's word
        (0, [], "10.0.0.1"),
        (1, ["203.0.113.5"], "203.0.113.5"),
        (1, ["198.51.100.9, 203.0.113.5"], "203.0.113.5"),  # the client sent the first entry itself
        (1, ["198.51.100.9", "203.0.113.5"], "203.0.113.5"),
        (2, ["198.51.100.9, 203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        (2, ["203.0.113.5"], "10.0.0.1"),  # fewer entries than proxies
        (1, [], "10.0.0.1"),
        (1, ["203.0.113.5:4711"], "203.0.113.5"),
        (1, ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        (1, ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (1, ["::ffff:203.0.113.5"], "203.0.113.5"),
        (1, ["x" * 500], "x" * 64),
    ],
)
def test_address_is_that_of_the_last_untrusted_hop(
    sqlite_url: str, make_site: MakeSite, proxies: int, forwarded: list[str], expected: str
):
    assert address_of(make_site(sqlite_url, trusted_proxies=proxies), "10.0.0.1", *forwarded) == expected


@pytest.mark.parametrize("proxies", [0, 1])
def test_spoofed_header_does_not_change_the_counted_address(sqlite_url: str, make_site: MakeSite, proxies: int):
    from app.settings.readers import Rate

    site = make_site(sqlite_url, rate_limits=True, rate_limit_public=Rate(2, 60), trusted_proxies=proxies)
    own = ", 203.0.113.5" if proxies else ""
    statuses = [
        site.client.get("/api/scheduler/status", headers={FORWARDED: f"192.0.2.{n}{own}"}).status_code for n in range(4)
    ]
    assert statuses == [200, 200, 429, 429]


def test_only_the_address_is_taken_from_proxies(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, trusted_proxies=1)
    hosts: list[str] = []

    def note() -> None:
        from flask import request

        hosts.append(request.host)

    site.app.before_request_funcs.setdefault(None, []).append(note)
    site.client.get("/healthz", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1"})
    assert hosts == ["localhost"]


def test_vercel_is_one_proxy_unless_the_setting_says_otherwise():
    vercel = {"VERCEL": "1", "DATABASE_URL": "postgresql://u@h/d"}
    assert read_settings({}).trusted_proxies == 0
    assert read_settings(vercel).trusted_proxies == 1
    assert read_settings(vercel | {"TRUSTED_PROXIES": "2"}).trusted_proxies == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "11"),
        ("TRUSTED_PROXIES", "all"),
        ("RATE_LIMITS", "maybe"),
        ("RATE_LIMIT_READS", "0/minute"),
        ("RATE_LIMIT_READS", "300"),
        ("RATE_LIMIT_WRITES", "300/week"),
        ("RATE_LIMIT_PUBLIC", "99999999/second"),
        ("RATE_LIMIT_FAILED_PROOFS", "ten/minute"),
        ("QUOTA_POSTS", "-1"),
        ("QUOTA_DRAFT_BYTES", "50 MB"),
    ],
)
def test_bad_setting_of_a_limit_is_named(name: str, value: str):
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})


def test_settings_of_limits_are_read():
    environ = {"RATE_LIMITS": "off", "RATE_LIMIT_READS": "5 / Second", "RATE_LIMIT_WRITES": "7/day", "QUOTA_POSTS": "0"}
    settings = read_settings(environ)
    assert (settings.rate_limits, settings.rate_limit_reads, settings.rate_limit_writes) == (False, (5, 1), (7, 86_400))
    assert (settings.quota_posts, settings.quota_draft_bytes) == (0, 50_000_000)
