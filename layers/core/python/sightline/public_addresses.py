"""Which network addresses the whole internet can reach: nothing else is ever written to for a customer."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

# Not all of these are "not global" to every Python that we support.
_REFUSED = [
    ipaddress.ip_network(text)
    for text in (
        # Beside private and link-local ones (RFC 6890): carrier NAT, protocol assignments, documentation,
        # benchmarking, multicast, reserved, broadcast.
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        # The same for IPv6, and every form that carries an IPv4 address inside: mapped, compatible, 6to4,
        # Teredo, NAT64 (a NAT would take it to the address inside).
        "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
        "fec0::/10", "ff00::/8",
    )
]  # fmt: skip


def is_public(address: Address) -> bool:
    """Whether an address is everybody's to reach: no machine's own, no private network's, no cloud's."""
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast


def is_loopback(address: Address) -> bool:
    """This machine."""
    return address.is_loopback
