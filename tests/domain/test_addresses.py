"""Addresses of media: https and a public host."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.addresses import BadUrl, check_url, is_public


def refused(url: str, *, local: bool = False) -> str | None:
    try:
        check_url(url, allow_loopback=local)
    except BadUrl as bad:
        return bad.code
    return None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.jpg",
        "https://EXAMPLE.com:8443/a?b=c#d",
        "https://cdn.example.com./a.jpg",
        "https://bücher.example.org/ä.png",
        "https://8.8.8.8/a.jpg",
        "https://[2606:4700::1111]/a.jpg",
        "https://local.example.com/a.jpg",
        "https://mylocal/a.jpg".replace("mylocal", "my.localhost.example"),
        "https://example.com/a@b.jpg",
        "https://x_y.example.com/a.jpg",
    ],
)
def test_https_on_a_public_host_is_accepted(url: str):
    assert refused(url) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "printer.local",
        "db.internal",
        "nas.home.arpa",
        "router.lan",
        "intranet",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001:0:1::1]",
        "[2001:db8::1]",
        "\uff4c\uff4fcalhost",
        "127\u30020\u30020\u30021",
        "\u2460\u2461\u2466.0.0.1",
        "%6cocalhost.com",
        "a..example.com",
    ],
)
def test_host_that_is_not_public_is_refused(host: str):
    assert refused(f"https://{host}/a.jpg") == "media_url_not_public"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/a.jpg", "media_url_not_https"),
        ("ftp://example.com/a.jpg", "media_url_invalid"),
        ("https:///a.jpg", "media_url_invalid"),
        ("example.com/a.jpg", "media_url_invalid"),
        ("", "media_url_invalid"),
        ("https://example.com:99999/", "media_url_invalid"),
        ("https://[::1/", "media_url_invalid"),
        ("https://example.com\\@127.0.0.1/", "media_url_invalid"),
        ("https://exam ple.com/", "media_url_invalid"),
        ("https://user:pass@example.com/", "media_url_has_credentials"),
        ("https://example.com@127.0.0.1/", "media_url_has_credentials"),
    ],
)
def test_every_other_fault_of_a_url_has_its_own_code(url: str, code: str):
    assert refused(url) == code


@pytest.mark.parametrize("host", ["127.0.0.1:5678", "localhost:8000", "[::1]", "a.localhost"])
def test_http_to_loopback_is_only_for_the_local_stack(host: str):
    assert refused(f"http://{host}/a.jpg", local=True) is None
    assert refused(f"http://{host}/a.jpg") == "media_url_not_https"
    assert refused("http://10.0.0.1/a.jpg", local=True) == "media_url_not_https"
    assert refused("https://10.0.0.1/a.jpg", local=True) == "media_url_not_public"


@given(st.ip_addresses(v=4))
def test_ipv4_address_inside_ipv6_is_judged_itself(address: ipaddress.IPv4Address):
    public = is_public(address)
    assert not public or (address.is_global and not address.is_multicast and not address.is_reserved)
    assert is_public(ipaddress.IPv6Address(f"::ffff:{address}")) is public
    assert is_public(ipaddress.IPv6Address(f"64:ff9b::{address}")) is public
    assert not is_public(ipaddress.IPv6Address(int(address)))


private = (
    st.ip_addresses(network="10.0.0.0/8")
    | st.ip_addresses(network="127.0.0.0/8")
    | st.ip_addresses(network="169.254.0.0/16")
    | st.ip_addresses(network="192.168.0.0/16")
    | st.ip_addresses(network="224.0.0.0/4")
    | st.ip_addresses(network="240.0.0.0/4")
    | st.ip_addresses(network="fc00::/7")
    | st.ip_addresses(network="fe80::/10")
    | st.ip_addresses(network="ff00::/8")
)


@given(private)
def test_no_private_address_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address):
    assert not is_public(address)


@given(st.text())
def test_check_url_raises_only_bad_url_for_any_text(text: str):
    for url in (text, f"https://{text}", f"https://{text}/a.jpg", f"https://example.com/{text}"):
        refused(url)
