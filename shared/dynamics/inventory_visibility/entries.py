"""Port values as entries of a request, and rows of an answer as port values. No I/O.

Members by Microsoft, "Inventory Visibility public APIs". Names of dimensions and measures compare
without case and are answered in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.dynamics.inventory_visibility.settings import InventoryVisibilitySettings
from shared.dynamics.ports.posting import Body
from shared.dynamics.ports.stock import OnHand, Reservation, StockChange, StockCount

SITE, LOCATION = "siteId", "locationId"

MEMBERS: Mapping[str, tuple[str, ...]] = {
    "onhand": (
        "id", "organizationId", "productId", "dimensionDataSource", "dimensions", "quantities",
    ),
    "setonhand": (
        "id", "organizationId", "productId", "dimensionDataSource", "dimensions", "quantities",
        "modifiedDateTimeUTC",
    ),
    "onhand/reserve": (
        "id", "organizationId", "productId", "dimensions", "quantityDataSource", "modifier",
        "quantity", "ifCheckAvailForReserv",
    ),
    "onhand/unreserve": ("id", "organizationId", "reservationId", "dimensions", "OffsetQty"),
    "onhand/indexquery": ("filters", "groupByValues", "returnNegative"),
}  # fmt: skip
"""Members of the body by operation; tests hold every request against this table."""


def change(change: StockChange, settings: InventoryVisibilitySettings) -> Body:
    measure, sign = _measure(settings.measures[change.movement])
    return _entry(change, settings, {measure: sign * change.quantity})


def count(count: StockCount, settings: InventoryVisibilitySettings) -> Body:
    """Every measure of ours is set, so that their sum is what was counted."""
    measures = dict.fromkeys((_measure(each)[0] for each in settings.measures.values()), Decimal(0))
    counted = next(
        (name for name, sign in map(_measure, settings.measures.values()) if sign > 0), "inbound"
    )
    quantities = {**measures, counted: count.quantity}
    return {**_entry(count, settings, quantities), "modifiedDateTimeUTC": count.at}


def reservation(wanted: Reservation, settings: InventoryVisibilitySettings) -> Body:
    source, _, measure = settings.reservation_measure.partition(".")
    return {
        "id": wanted.event_id,
        "organizationId": wanted.company,
        "productId": wanted.item,
        "dimensions": _dimensions(wanted.site, wanted.location, wanted.variant, (), settings),
        "quantityDataSource": source,
        "modifier": measure,
        "quantity": wanted.quantity,
        "ifCheckAvailForReserv": True,
    }


def release(
    reserved: Reservation,
    key: str,
    quantity: Decimal,
    event_id: str,
    settings: InventoryVisibilitySettings,
) -> Body:
    return {
        "id": event_id,
        "organizationId": reserved.company,
        "reservationId": key,
        "dimensions": _dimensions(reserved.site, reserved.location, reserved.variant, (), settings),
        "OffsetQty": quantity,
    }


def query(
    company: str,
    items: Sequence[str],
    sites: Sequence[str],
    locations: Sequence[str],
    settings: InventoryVisibilitySettings,
) -> Body:
    return {
        "filters": {
            "organizationId": [company],
            "productId": list(items),
            SITE: list(sites),
            LOCATION: list(locations),
        },
        "groupByValues": [SITE, LOCATION, settings.variant_dimension],
        "returnNegative": True,
    }


def on_hand(company: str, row: Mapping[str, Any], settings: InventoryVisibilitySettings) -> OnHand:
    dimensions = {name.lower(): str(value) for name, value in row["dimensions"].items()}
    quantities = {
        f"{source}.{measure}".lower(): Decimal(amount)
        for source, measures in row["quantities"].items()
        for measure, amount in measures.items()
    }
    return OnHand(
        company=company,
        item=str(row["productId"]),
        site=dimensions.get(SITE.lower(), ""),
        location=dimensions.get(LOCATION.lower(), ""),
        on_hand=_sum(settings.on_hand, quantities),
        available=_sum(settings.available, quantities),
        variant=dimensions.get(settings.variant_dimension.lower(), ""),
    )


def _entry(
    fact: StockChange | StockCount,
    settings: InventoryVisibilitySettings,
    measures: Mapping[str, Decimal],
) -> dict[str, object]:
    return {
        "id": fact.event_id,
        "organizationId": fact.company,
        "productId": fact.item,
        # The data source may know dimensions of its own besides the base ones.
        "dimensionDataSource": settings.data_source,
        "dimensions": _dimensions(
            fact.site, fact.location, fact.variant, fact.dimensions, settings
        ),
        "quantities": {settings.data_source: dict(measures)},
    }


def _dimensions(
    site: str,
    location: str,
    variant: str,
    others: Sequence[tuple[str, str]],
    settings: InventoryVisibilitySettings,
) -> dict[str, str]:
    named = {SITE: site, LOCATION: location, **dict(others)}
    return named | ({settings.variant_dimension: variant} if variant else {})


def _measure(name: str) -> tuple[str, int]:
    return (name[1:], -1) if name.startswith("-") else (name, 1)


def _sum(terms: Sequence[str], quantities: Mapping[str, Decimal]) -> Decimal:
    signed = map(_measure, terms)
    return sum(
        (sign * quantities.get(name.lower(), Decimal(0)) for name, sign in signed), Decimal(0)
    )
