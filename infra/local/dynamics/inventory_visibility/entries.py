"""What an entry of a request says, read and checked; no I/O.

Source of the fields: Microsoft, "Inventory Visibility public APIs".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .configuration import BASE_DIMENSIONS, MEASURES, PARTITION
from .errors import Refused, missing

Dimensions = Mapping[str, str]
Quantity = tuple[str, str, float]
"""Data source, measure, amount."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where stock lies: an organization, a product and its dimensions, site and location too."""

    organization: str
    product: str
    dimensions: Dimensions


@dataclass(frozen=True, slots=True)
class Change:
    id: str
    place: Place
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Reservation:
    id: str
    place: Place
    quantity: float
    source: str
    measure: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Release:
    id: str
    organization: str
    reservation: str
    dimensions: Dimensions
    quantity: float


def read_change(entry: object) -> Change:
    """Raises Refused."""
    fields = _fields(entry)
    return Change(_text(fields, "id"), _place(fields), tuple(_quantities(fields)))


def read_reservation(entry: object) -> Reservation:
    """Raises Refused."""
    fields = _fields(entry)
    source = _text(fields, "quantityDataSource", "iv").lower()
    measure = _text(fields, "modifier").lower()
    _check_measure(source, measure)
    checked = fields.get("ifCheckAvailForReserv", True)
    if not isinstance(checked, bool):
        raise Refused("'ifCheckAvailForReserv' must be true or false.")
    quantity = _number(fields.get("quantity"), "quantity")
    return Reservation(_text(fields, "id"), _place(fields), quantity, source, measure, checked)


def read_release(entry: object) -> Release:
    """Raises Refused."""
    fields = _fields(entry)
    quantity = _number(fields.get("OffsetQty"), "OffsetQty")
    if quantity <= 0:
        raise Refused("'OffsetQty' must be positive.")
    return Release(
        _text(fields, "id"),
        _text(fields, "organizationId"),
        _text(fields, "reservationId"),
        dimensions_of(fields),
        quantity,
    )


def dimensions_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Names in lower case. Raises Refused."""
    found = fields.get("dimensions")
    if not isinstance(found, dict):
        raise missing("dimensions")
    dimensions: dict[str, str] = {}
    for name, value in found.items():
        if not isinstance(value, str):
            raise Refused(f"The dimension '{name}' must be a text.")
        dimensions[name.lower()] = value
    for name in PARTITION:
        if not dimensions.get(name):
            raise Refused(f"The dimension '{name}' is required: it belongs to the partition.")
    if not fields.get("dimensionDataSource"):
        check_base(dimensions)
    return dimensions


def check_base(names: Iterable[str]) -> None:
    """Raises Refused for a dimension that needs a data source to be understood."""
    for name in names:
        if name not in BASE_DIMENSIONS:
            raise Refused(f"'{name}' is no base dimension; name its dimensionDataSource.")


def _fields(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise Refused("An entry must be an object.")
    return entry


def _text(fields: Mapping[str, Any], name: str, default: str = "") -> str:
    value = fields.get(name, default)
    if not isinstance(value, str) or not value:
        raise missing(name)
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"'{name}' must be a number.")
    return float(value)


def _place(fields: Mapping[str, Any]) -> Place:
    dimensions = dimensions_of(fields)
    return Place(_text(fields, "organizationId"), _text(fields, "productId"), dimensions)


def _quantities(fields: Mapping[str, Any]) -> Iterator[Quantity]:
    sources = fields.get("quantities")
    if not isinstance(sources, dict) or not sources:
        raise missing("quantities")
    for source, measures in sources.items():
        if not isinstance(measures, dict) or not measures:
            raise missing(f"quantities.{source}")
        for measure, amount in measures.items():
            names = source.lower(), measure.lower()
            _check_measure(*names)
            yield *names, _number(amount, f"quantities.{source}.{measure}")


def _check_measure(source: str, measure: str) -> None:
    if measure not in MEASURES.get(source, frozenset()):
        raise Refused(f"The data source '{source}' has no physical measure '{measure}'.")
