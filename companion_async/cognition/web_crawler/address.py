"""Pure: which addresses of the network may be connected to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses that hold another, by the RFCs that define them, and the bit at which that begins, counted from the left.
_HOLDING = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 96),  # IPv4-mapped, RFC 4291
    (ipaddress.IPv6Network("::/96"), 96),  # IPv4-compatible, RFC 4291
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 96),  # IPv4-translated, RFC 7915
    (ipaddress.IPv6Network("64:ff9b::/96"), 96),  # NAT64, RFC 6052
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 96),  # NAT64 of a site's own, RFC 8215
    (ipaddress.IPv6Network("2002::/16"), 16),  # 6to4, RFC 3056
)
_TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and ranges, such as ``127.0.0.1`` and ``10.0.0.0/8``; `ValueError` for what is neither."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def is_allowed(text: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether one may connect to the address ``text``, as a resolver gives it.

    It must be global, and so must every IPv4 address that it holds in itself: who routes to an address of transition
    (mapped, 6to4, Teredo, NAT64) may arrive at the one inside. ``allowed`` ranges may always be connected to.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return all(_is_global(each) for each in (address, *held_in(address)))


def held_in(address: Address) -> list[Address]:
    """The IPv4 addresses that an address holds in itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    number = int(address)
    held = [number >> (96 - begins) & 0xFFFFFFFF for network, begins in _HOLDING if address in network]
    if address in _TEREDO:
        held += [number >> 64 & 0xFFFFFFFF, ~number & 0xFFFFFFFF]  # the server's, and the client's, its bits turned
    if number >> 32 & 0xFFFFFFFF in _ISATAP:
        held.append(number & 0xFFFFFFFF)
    return [ipaddress.IPv4Address(each) for each in held]


def _is_global(address: Address) -> bool:
    inside = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not inside and not getattr(address, "is_site_local", False)
