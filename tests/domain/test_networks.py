"""Networks that are never public, by our own list: Python's tables are set aside, as an older Python lacks some."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.addresses import is_public

#: The first, one inner and the last address of each network.
NEVER_PUBLIC: dict[str, tuple[str, ...]] = {
    "this network": ("0.0.0.0", "0.1.2.3", "0.255.255.255"),
    "private": ("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"),
    "shared": ("100.64.0.0", "100.100.100.200", "100.127.255.255"),
    "loopback": ("127.0.0.0", "127.0.0.1", "127.255.255.255"),
    "link-local": ("169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.0.23", "169.254.255.255"),
    "azure": ("168.63.129.16",),
    "ietf": ("192.0.0.0", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.192", "192.0.0.255"),
    "documentation": ("192.0.2.0", "198.51.100.255", "203.0.113.7"),
    "6to4 relays": ("192.88.99.0", "192.88.99.1", "192.88.99.255"),
    "benchmarks": ("198.18.0.0", "198.19.255.255"),
    "multicast": ("224.0.0.0", "239.255.255.255"),
    "reserved": ("240.0.0.0", "255.255.255.254", "255.255.255.255"),
    "unspecified": ("::", "::1", "::2", "::7f00:1", "::808:808"),
    "mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:168.63.129.16", "::ffff:192.0.0.192", "::ffff:0.0.0.0"),
    "translated": ("::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8"),
    "nat64": ("64:ff9b::7f00:1", "64:ff9b::a83f:8110", "64:ff9b::c000:c0", "64:ff9b::6464:64c8", "64:ff9b::a9fe:a9fe"),
    "local nat64": ("64:ff9b:1::", "64:ff9b:1::808:808", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    "discard": ("100::", "100::1", "100:0:0:1::1"),
    "teredo": ("2001::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    "ietf v6": ("2001:1::1", "2001:2::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff::1"),
    "documentation v6": ("2001:db8::", "2001:db8:ffff::1", "3fff::", "3fff:fff:ffff::1"),
    "6to4": ("2002::", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1", "2002:ffff:ffff:ffff::1"),
    "segment routing": ("5f00::1",),
    "unique local": ("fc00::", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "fdff:ffff::1"),
    "link-local v6": ("fe80::1", "fe80::a9fe:a9fe", "febf::1"),
    "site-local": ("fec0::", "fec0::1", "feff::1"),
    "multicast v6": ("ff00::", "ff02::1", "ffff::1"),
}
PUBLIC: tuple[str, ...] = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
)
PUBLIC += (
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
)
PUBLIC += ("198.17.255.255", "198.20.0.0", "223.255.255.255", "2000::1", "2001:200::1", "2001:4860:4860::8888")
PUBLIC += ("2003::1", "2606:4700::1111", "2a00:1450:4001:810::200e", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.fixture
def python_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        monkeypatch.setattr(kind, "is_global", True)
        for name in ("is_private", "is_multicast", "is_reserved", "is_loopback", "is_link_local"):
            monkeypatch.setattr(kind, name, False)


@pytest.mark.parametrize("text", [text for group in NEVER_PUBLIC.values() for text in group])
@pytest.mark.usefixtures("python_knows_nothing")
def test_special_address_is_never_public_without_pythons_tables(text: str):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_address_beside_a_special_network_is_public(text: str):
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses())
def test_our_list_refuses_no_address_of_an_ordinary_network_and_python_agrees(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
):
    if is_public(address):
        inner = getattr(address, "ipv4_mapped", None) or address
        assert inner.is_global or inner in ipaddress.ip_network("64:ff9b::/96")
