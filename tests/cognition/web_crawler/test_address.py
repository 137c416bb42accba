from __future__ import annotations

import pytest

from companion_async.cognition.web_crawler.address import is_allowed, parse_networks

pytestmark = pytest.mark.feature("CB-44")

INSIDE = [
    "0.0.0.0",
    "0.0.0.1",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::a9fe:a9fe",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1::c0a8:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:c0a8:101::1",
    "2002:a00:1::8:8:8:8",
    "2001:0:7f00:1:0:0:0:0",
    "2001:0:808:808:0:0:5601:5601",
    "2001:0:a9fe:a9fe::f7f7:f7f7",
    "2001:db8::1",
    "2001:10::1",
    "2001:2::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00::1",
    "fd12:3456::1",
    "ff02::1",
    "ff05::2",
    "100::1",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "fe80::5efe:8.8.8.8",
]
OUTSIDE = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_not_connected_to(address):
    """Private, local, reserved and shared addresses are refused in each of their forms, inside others too."""
    assert not is_allowed(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_may_be_connected_to(address):
    """A public address is allowed."""
    assert is_allowed(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1/32", "1.1.1.1 "])
def test_what_is_no_address_is_not_allowed(text):
    """Only what a resolver gives, an address in its plain form, is looked at."""
    assert not is_allowed(text)


def test_ranges_that_are_named_are_allowed():
    """A range of one's own may be connected to, and no more than it."""
    allowed = parse_networks(["127.0.0.1", "10.1.0.0/16", "fd00::/8"])
    assert all(is_allowed(each, allowed) for each in ("127.0.0.1", "10.1.2.3", "fd12::1", "1.1.1.1"))
    assert not any(is_allowed(each, allowed) for each in ("127.0.0.2", "10.2.0.1", "::ffff:127.0.0.1", "fc00::1"))
