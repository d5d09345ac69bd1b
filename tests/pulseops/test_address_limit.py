"""How many connections an address may have: of six its network, of a proxy those of all its clients."""

from __future__ import annotations

import pytest

from pulseops.server.address_limit import AddressLimit


def test_an_address_has_so_many_connections() -> None:
    limit = AddressLimit(2, proxies=0)
    assert [limit.admit("203.0.113.7") for _ in range(3)] == [True, True, False]
    assert limit.admit("203.0.113.8")
    limit.leave("203.0.113.7")
    assert limit.admit("203.0.113.7")


def test_an_address_of_six_is_its_network() -> None:
    limit = AddressLimit(1, proxies=0)
    assert limit.admit("2001:db8::1")
    assert not limit.admit("2001:db8::2")
    assert limit.admit("2001:db8:0:1::2")
    assert limit.admit("::ffff:203.0.113.7")
    assert not limit.admit("203.0.113.7")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_a_proxy_on_this_machine_has_those_of_all_its_clients(address: str) -> None:
    limit = AddressLimit(1, proxies=0)
    assert all(limit.admit(address) for _ in range(5))


def test_proxies_elsewhere_have_too() -> None:
    limit = AddressLimit(1, proxies=1)
    assert all(limit.admit("203.0.113.7") for _ in range(5))
