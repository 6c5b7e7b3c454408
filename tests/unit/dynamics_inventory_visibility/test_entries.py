"""Port values as entries: measures by movement, members by operation, queries in parts."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.inventory_visibility import entries
from shared.dynamics.inventory_visibility.events import Events
from shared.dynamics.inventory_visibility.reservations import InventoryVisibilityReservations
from shared.dynamics.inventory_visibility.stock import (
    MAX_PARTITIONS,
    InventoryVisibilityStock,
    partitions,
)
from shared.dynamics.ports.stock import Movement, Reservation, StockCount
from tests.contract.dynamics_inventory_visibility.conftest import AT, sold
from tests.unit.dynamics_inventory_visibility.service import SETTINGS, done, service


@pytest.mark.parametrize(
    ("movement", "quantity", "measures"),
    [
        (Movement.SOLD, -3, {"outbound": Decimal(3)}),
        (Movement.RETURNED, 1, {"inbound": Decimal(1)}),
        (Movement.RECEIVED, 5, {"inbound": Decimal(5)}),
        (Movement.DAMAGED, -2, {"outbound": Decimal(2)}),
        (Movement.SHRUNK, -2, {"outbound": Decimal(2)}),
        (Movement.ADJUSTED, -4, {"inbound": Decimal(-4)}),
    ],
)
def test_a_movement_is_counted_by_its_measure(
    movement: Movement, quantity: int, measures: dict[str, Decimal]
) -> None:
    body = entries.change(sold(1, -quantity, movement=movement), SETTINGS)
    assert body["quantities"] == {"pos": measures}


def test_a_measure_that_is_set_leaves_the_others_as_they_were() -> None:
    settings = SETTINGS.model_validate(
        {"url": SETTINGS.url, "environment_id": "e", "measures": {"damaged": "-damaged"}}
    )
    damaged = sold(1, 2, movement=Movement.DAMAGED)
    assert entries.change(damaged, settings)["quantities"] == {"pos": {"damaged": Decimal(2)}}
    assert entries.change(sold(1), settings)["quantities"] == {"pos": {"outbound": Decimal(1)}}


def test_a_count_sets_every_measure_of_ours() -> None:
    counted = StockCount("c", "usrt", "20223", Decimal(7), "S1", "W2", AT)
    assert entries.count(counted, SETTINGS)["quantities"] == {
        "pos": {"inbound": Decimal(7), "outbound": Decimal(0)}
    }


def test_a_row_is_summed_as_configured_whatever_case_it_comes_in() -> None:
    row = {
        "productId": "20223",
        "dimensions": {"SiteId": "S1", "locationid": "W2"},
        "quantities": {
            "FNO": {"PhysicalInvent": Decimal(20)},
            "pos": {"inbound": Decimal(1), "outbound": Decimal("3.5")},
        },
    }
    found = entries.on_hand("usrt", row, SETTINGS)
    assert (found.site, found.location) == ("S1", "W2")
    assert (found.on_hand, found.available) == (Decimal("17.5"), Decimal(0))


@given(st.integers(1, 130), st.integers(1, 260))
def test_every_place_is_asked_for_once_and_never_too_many(sites: int, locations: int) -> None:
    all_sites = [f"s{n}" for n in range(sites)]
    all_locations = [f"l{n}" for n in range(locations)]
    asked = list(partitions(all_sites, all_locations))
    assert all(len(some) * len(others) <= MAX_PARTITIONS for some, others in asked)
    pairs = [pair for some, others in asked for pair in product(some, others)]
    assert sorted(pairs) == sorted(product(all_sites, all_locations))


async def test_requests_carry_the_members_of_the_table_and_no_others() -> None:
    asked: dict[str, set[str]] = {}

    def answer(path: str, body: Any) -> httpx.Response:
        name = "setonhand" if path.startswith("setonhand") else path.removesuffix("/bulk")
        asked[name] = set(body[0] if isinstance(body, list) else body)
        if name == "onhand/indexquery":
            return httpx.Response(200, json=[])
        one = done(reservationId="r")
        return httpx.Response(200, json=[one] if isinstance(body, list) else one)

    connected = service(answer)
    events = Events(connected, 512)
    stock = InventoryVisibilityStock(connected, events, SETTINGS)
    await stock.change([sold(1)])
    await stock.count([StockCount("c", "usrt", "20223", Decimal(7), "S1", "W2", AT)])
    await stock.on_hand("usrt", ["20223"], ["W2"], ["S1"])
    reservations = InventoryVisibilityReservations(events, SETTINGS)
    wanted = Reservation("r", "usrt", "20223", Decimal(1), "S1", "W2")
    await reservations.reserve([wanted])
    await reservations.release(wanted, "r", Decimal(1))
    assert asked == {name: set(names) for name, names in entries.MEMBERS.items()}
