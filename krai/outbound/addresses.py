"""Which IP addresses are on the public internet.

By IANA's registries of special-purpose addresses (RFC 6890), for IPv4 those and the multicast space, for IPv6 the space that is
given out (RFC 4291) without them. `ipaddress.is_global` will not do: it takes a NAT64 or 6to4 address for global whatever IPv4
address it leads to, and multicast too.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by the customers of a provider
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # looks public, and is what Azure's machines ask about themselves
        "169.254.0.0/16",  # link-local, where the metadata of a cloud's machine is
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays to 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GIVEN_OUT_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
# Addresses that lead to an IPv4 address, and how many bits stand behind it.
_LEADING_TO_V4 = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (IPv6Network("2002::/16"), 80),  # 6to4, RFC 3056
)


class NotPublic(Exception):
    """A place that not everybody can reach. Says nothing more: what is there is none of the caller's business."""


def is_public(address: str) -> bool:
    """True for an IPv4 or IPv6 address, as the standards write it, that is the same host seen from anywhere; without a scope."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _SPECIAL_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    for network, behind_bits in _LEADING_TO_V4:
        if address in network:
            return _is_public_v4(IPv4Address(int(address) >> behind_bits & 0xFFFF_FFFF))
    return address in _GIVEN_OUT_V6 and not any(address in network for network in _SPECIAL_V6)
