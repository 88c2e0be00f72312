"""Networks that are never public. Each is written out, because older Pythons lack some of them.

Sources: IANA's special-purpose address registries for IPv4 and IPv6, read in 2026, and the clouds' own documents for
addresses with which a virtual machine reaches its host.
Invariant: a network is added here, never removed. A platform fetches media from none of them.
"""

from __future__ import annotations

import ipaddress

_V4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
    192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    168.63.129.16/32
"""
#: 6to4, Teredo, IETF protocols, ORCHID and documentation. Everything outside of 2000::/3 is refused as a whole.
_V6 = """
    2001::/23 2001:db8::/32 2002::/16 3fff::/20
"""
#: 168.63.129.16 is Azure's host. Others are inside of a network above: 169.254.169.254, 169.254.170.2, Alibaba's
#: 100.100.100.200, Oracle's 192.0.0.192. AWS's fd00:ec2::254 and Google's fd20:ce::254 are outside of 2000::/3.
DENIED_V4 = tuple(ipaddress.IPv4Network(text) for text in _V4.split())
DENIED_V6 = tuple(ipaddress.IPv6Network(text) for text in _V6.split())
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_denied(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return True if the address belongs to a network that is never public."""
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in DENIED_V4)
    return address not in GLOBAL_UNICAST or any(address in network for network in DENIED_V6)
