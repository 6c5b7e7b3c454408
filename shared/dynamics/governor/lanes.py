"""Who goes first when Dynamics allows less than everybody wants."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class Lane(IntEnum):
    """Smaller goes first."""

    SALE = 0
    STOCK = 1
    PRICE = 2
    BULK = 3


ASSURED: Mapping[Lane, float] = MappingProxyType(
    {Lane.SALE: 0.0, Lane.STOCK: 0.10, Lane.PRICE: 0.05, Lane.BULK: 0.05}
)
"""The part of all requests a lane gets however much the lanes before it want, so none starves."""

Demand = Mapping[Lane, float]
"""Requests per second a lane would send if nothing held it back."""


def divide(rate: float, demand: Demand) -> dict[Lane, float]:
    """Share `rate` (requests per second) out: first what is assured, the rest in order of lanes.

    No lane gets more than it wants; what is left when all have that is nobody's."""
    granted = {lane: min(wanted, rate * ASSURED[lane]) for lane, wanted in demand.items()}
    left = rate - sum(granted.values())
    for lane in sorted(demand):
        more = min(demand[lane] - granted[lane], left)
        granted[lane] += more
        left -= more
    return granted
