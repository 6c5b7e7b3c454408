"""`onhand/indexquery`: filters, the limits of its size, grouping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from .books import Books, summed
from .configuration import PARTITION
from .entries import Quantity, check_base
from .errors import Refused, missing

MAX_PRODUCTS = 5_000
MAX_PARTITIONS = 100
"""Sites times locations."""


def index_query(books: Books, body: object) -> list[dict[str, object]]:
    """Raises Refused."""
    if not isinstance(body, dict):
        raise Refused("The body must be an object.")
    filters = _filters(body)
    organizations = filters.pop("organizationid")
    products = filters.pop("productid")
    if len(organizations) != 1:
        raise Refused("'organizationId' must have exactly one value.")
    if len(products) > MAX_PRODUCTS:
        raise Refused(f"At most {MAX_PRODUCTS} products may be queried at once.")
    if len(filters["siteid"]) * len(filters["locationid"]) > MAX_PARTITIONS:
        raise Refused(f"Sites times locations must not exceed {MAX_PARTITIONS}.")
    groups = [str(name).lower() for name in body.get("groupByValues") or []]
    if not body.get("dimensionDataSource"):
        check_base([*filters, *groups])

    found: dict[tuple[str, ...], list[Quantity]] = defaultdict(list)
    for place, quantity in books.of_products(organizations[0], products):
        if all(place.dimensions.get(name, "") in values for name, values in filters.items()):
            by = (place.product, *(place.dimensions.get(name, "") for name in groups))
            found[by].append(quantity)
    negative = body.get("returnNegative", False)
    return [
        {"productId": by[0], "dimensions": _named(groups, by[1:]), "quantities": sums}
        for by, quantities in found.items()
        if (sums := summed(quantities)) and (negative or not _any_negative(sums))
    ]


def _filters(body: Mapping[str, Any]) -> dict[str, list[str]]:
    filters = body.get("filters")
    if not isinstance(filters, dict):
        raise missing("filters")
    read: dict[str, list[str]] = {}
    for name, values in filters.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise Refused(f"'filters.{name}' must be a list of texts.")
        read[name.lower()] = values
    for name in ("organizationid", "productid"):
        if name not in read:
            raise missing(f"filters.{name}")
    for name in PARTITION:
        if not read.get(name):
            raise missing(f"filters.{name}")
    return read


def _named(groups: list[str], values: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in zip(groups, values, strict=True) if value}


def _any_negative(sums: Mapping[str, Mapping[str, float]]) -> bool:
    return any(amount < 0 for measures in sums.values() for amount in measures.values())
