"""One cap over all pools: who gets in, who is told when there is room, and who gives up what he has."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.offload.house import House

pytestmark = pytest.mark.feature("X-01")


class Tenant:
    """A pool as the house sees it."""

    def __init__(self, house: House, slots: int = 0, idle: int = 0) -> None:
        self.slots, self.idle, self.ensured = slots, idle, 0
        house.tenants.append(self)

    def ensure(self) -> None:
        self.ensured += 1

    def give_up_idle(self) -> bool:
        self.idle -= 1
        return self.idle >= 0


def test_no_more_enter_than_the_house_may_have():
    """One place for each that leaves; every thread that began is counted."""
    house = House(2)
    tenant = Tenant(house, slots=2)
    assert [house.enter(tenant) for _ in range(3)] == [True, True, False]
    house.leave()
    assert house.enter(tenant)
    assert (house.live, house.created) == (2, 3)


def test_whoever_was_refused_is_told_of_a_free_place_those_with_the_fewest_first():
    """Once each, however often they were refused."""
    house, order = House(1), list[str]()
    rich, poor = Tenant(house, slots=3), Tenant(house, slots=1)
    rich.ensure = lambda: order.append("rich")  # type: ignore[method-assign]
    poor.ensure = lambda: order.append("poor")  # type: ignore[method-assign]
    assert house.enter(Tenant(house))
    for tenant in (rich, poor, rich):
        assert not house.enter(tenant)
    house.leave()
    assert order == ["poor", "rich"]
    house.leave()
    assert order == ["poor", "rich"]


def test_a_full_house_sends_one_idle_thread_of_another_home():
    """That of the pool with the most slots which has one; never one of whoever asks."""
    house = House(0)
    most, some, asking = Tenant(house, slots=5), Tenant(house, slots=4, idle=2), Tenant(house, slots=9, idle=1)
    assert not house.enter(asking)
    assert (most.idle, some.idle, asking.idle) == (-1, 1, 1)


def test_the_share_is_what_a_hungry_pool_would_have():
    """Threads of pools with more go home as they come back; with nobody hungry there is no such bound."""
    house = House(0)
    assert house.share > 1000
    house.enter(Tenant(house, slots=4))
    assert house.share == 5
    house.enter(Tenant(house, slots=1))
    assert house.share == 2
    house.live = 1
    house.leave()
    assert house.share > 1000


def test_a_pool_without_any_thread_is_starved():
    """One that has some only has to do with fewer."""
    house, told = House(0), list[Any]()
    house.on_starved = told.append
    some, none = Tenant(house, slots=1), Tenant(house)
    house.enter(some)
    house.enter(none)
    assert told == [none]
