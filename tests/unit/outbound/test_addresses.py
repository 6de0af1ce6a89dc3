from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis.strategies import integers, ip_addresses

from krai.outbound.addresses import is_public

PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255"),
    *("169.253.255.255", "169.255.0.0", "198.20.0.0", "223.255.255.255"),
    *("2606:4700::1111", "2001:200::1", "2a00:1450::1", "2001:4860:4860::8888", "3fff:1000::1"),
    *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"),
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 (nobody listens there)
    *("0.255.255.255", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::169.254.169.254", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1"),
    *("64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:0:808:808::1", "2001:1ff:ffff::1", "2001:db8::1", "3fff::1"),
    *("2002:a9fe:a9fe::1", "2002:7f00:1::", "fc00::1", "fd20:ce::254", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1"),
    *("5f00::1", "4000::1", "1fff::1", "fe80::1%eth0", "2606:4700::1111%1"),
    *("", "localhost", "127.1", "0x7f000001", "2130706433", "010.0.0.1", "8.8.8.8 ", "8.8.8.8/32", "[::1]"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_the_same_host_from_anywhere_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


@given(integers(0, (1 << 32) - 1))
def test_an_address_that_leads_to_another_is_as_public_as_that(number: int) -> None:
    expected = is_public(str(IPv4Address(number)))
    for leading in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1):
        assert is_public(str(IPv6Address(leading))) == expected


@given(ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_special(address: IPv4Address | IPv6Address) -> None:
    # What Python says of a mapped address depends on its release.
    if is_public(str(address)) and getattr(address, "ipv4_mapped", None) is None:
        assert address.is_global
        assert not address.is_multicast


@given(integers(0, (1 << 128) - 1))
def test_only_the_space_that_is_given_out_is_public(number: int) -> None:
    in_use = number >> 125 == 1 or number >> 32 in {0xFFFF, 0x64FF9B << 64}
    assert in_use or not is_public(str(IPv6Address(number)))
