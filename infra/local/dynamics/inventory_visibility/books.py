"""Quantities, events and reservations in SQLite; every event is carried out once, by its id."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from infra.local.dynamics.finance_operations.master_data import SEEDED_COMPANIES
from infra.local.dynamics.finance_operations.seeding import ITEMS, SITE
from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.store import EntityStore

from .configuration import AVAILABLE_TO_RESERVE, SEEDED_STOCK
from .entries import Change, Place, Quantity, Release, Reservation
from .errors import Refused, not_enough

Answer = dict[str, Any]

QUANTITIES = EntitySet("quantities", "", "", "", ("place", "measure"), {})
"""organization, product, dimensions (JSON text), source, measure, quantity."""
EVENTS = EntitySet("events", "", "", "", ("kind", "id"), {})
"""kind, id, answer (JSON text): what was carried out, and what it was answered."""
RESERVATIONS = EntitySet("reservations", "", "", "", ("id",), {})
"""organization, product, dimensions, source, measure, quantity, released."""
SETS = (QUANTITIES, EVENTS, RESERVATIONS)

_OF_PRODUCT = "body ->> '$.organization', body ->> '$.product'"
_DIGITS = 6


class Books:
    def __init__(self, store: EntityStore) -> None:
        self._store = store
        store.index(QUANTITIES, _OF_PRODUCT)
        self.seed()

    def seed(self) -> None:
        """Fill a database that has no quantities."""
        if self._store.count(QUANTITIES, "1", ()):
            return
        with self._store.transaction():
            for company in SEEDED_COMPANIES:
                for item, *_ in ITEMS:
                    for location, quantity in SEEDED_STOCK.items():
                        dimensions = {"siteid": SITE, "locationid": location}
                        place = Place(company, item, dimensions)
                        self._put(place, ("fno", "physicalinvent", quantity), absolute=True)

    def reset(self) -> None:
        self._store.clear(SETS)
        self.seed()

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def change(self, change: Change) -> Answer:
        return self._once("change", change.id, lambda: self._change(change, absolute=False))

    def set_on_hand(self, change: Change) -> Answer:
        return self._once("set", change.id, lambda: self._change(change, absolute=True))

    def reserve(self, wanted: Reservation) -> Answer:
        """Raises Refused when there is not enough."""
        return self._once("reserve", wanted.id, lambda: self._reserve(wanted))

    def release(self, release: Release) -> Answer:
        """Raises Refused for an unknown reservation."""
        return self._once("unreserve", release.id, lambda: self._release(release))

    def of_products(
        self, organization: str, products: Sequence[str]
    ) -> Iterator[tuple[Place, Quantity]]:
        """Every quantity of these products, of all where none is named."""
        where, values = "body ->> '$.organization' = ?", [organization]
        if products:
            where += f" AND body ->> '$.product' IN ({', '.join('?' * len(products))})"
            values += products
        for row in self._store.select(QUANTITIES, where, "", -1, 0, values):
            found = row.values()
            place = Place(
                str(found["organization"]), str(found["product"]),
                json.loads(str(found["dimensions"])),
            )  # fmt: skip
            yield place, (str(found["source"]), str(found["measure"]), float(found["quantity"]))

    def _once(self, kind: str, event: str, carry_out: Callable[[], Answer]) -> Answer:
        """An id that is known is answered as before; its entry is not looked at ([U])."""
        known = self._store.get(EVENTS, (kind, event))
        if known is not None:
            answer: Answer = json.loads(str(known.values()["answer"]))
            return answer
        answer = carry_out()
        row: Row = {"kind": kind, "id": event, "answer": json.dumps(answer)}
        self._store.insert(EVENTS, (kind, event), row)
        return answer

    def _change(self, change: Change, *, absolute: bool) -> Answer:
        for quantity in change.quantities:
            self._put(change.place, quantity, absolute=absolute)
        return _success("ohce")

    def _reserve(self, wanted: Reservation) -> Answer:
        available = self._available(wanted.place)
        if wanted.checked and available < wanted.quantity:
            raise not_enough(available, wanted.quantity)
        self._put(wanted.place, (wanted.source, wanted.measure, wanted.quantity))
        identifier = str(uuid.uuid4())
        row = _place_row(wanted.place) | {
            "source": wanted.source,
            "measure": wanted.measure,
            "quantity": wanted.quantity,
            "released": 0.0,
        }
        self._store.insert(RESERVATIONS, (identifier,), row)
        return {"reservationId": identifier, **_success("ohre")}

    def _release(self, release: Release) -> Answer:
        key = (release.reservation,)
        stored = self._store.get(RESERVATIONS, key)
        if stored is None:
            raise Refused(f"There is no reservation '{release.reservation}'.")
        row = stored.values()
        same = row["organization"], row["dimensions"]
        if same != (release.organization, _dimensions_text(release.dimensions)):
            raise Refused("Organization and dimensions must be those of the reservation.")
        left = float(row["quantity"]) - float(row["released"])
        freed = min(left, release.quantity)
        place = Place(str(row["organization"]), str(row["product"]), release.dimensions)
        self._put(place, (str(row["source"]), str(row["measure"]), -freed))
        row["released"] = round(float(row["released"]) + freed, _DIGITS)
        self._store.update(RESERVATIONS, key, row)
        over = round(release.quantity - freed, _DIGITS)
        return {
            "reservationId": release.reservation,
            "totalInvalidOffsetQtyByReservId": over,
            **_success("ohoe", "partialSuccess" if over else "success"),
        }

    def _available(self, place: Place) -> float:
        """Available to reserve of every row that has these dimensions, further ones or not."""
        rows = self.of_products(place.organization, [place.product])
        return available(
            quantity
            for at, quantity in rows
            if all(at.dimensions.get(name) == value for name, value in place.dimensions.items())
        )

    def _put(self, place: Place, quantity: Quantity, *, absolute: bool = False) -> None:
        source, measure, amount = quantity
        row = _place_row(place)
        key = (json.dumps([*row.values()]), f"{source}.{measure}")
        stored = self._store.get(QUANTITIES, key)
        before = 0.0 if stored is None or absolute else float(stored.values()["quantity"])
        row |= {"source": source, "measure": measure, "quantity": round(before + amount, _DIGITS)}
        if stored is None:
            self._store.insert(QUANTITIES, key, row)
        else:
            self._store.update(QUANTITIES, key, row)


def available(quantities: Iterable[Quantity]) -> float:
    signed = (
        AVAILABLE_TO_RESERVE.get((source, measure), 0) * amount
        for source, measure, amount in quantities
    )
    return round(sum(signed), _DIGITS)


def summed(quantities: Iterable[Quantity]) -> dict[str, dict[str, float]]:
    """Measures by data source, with the calculated one where anything is part of it."""
    found = list(quantities)
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for source, measure, amount in found:
        sums[source][measure] = round(sums[source][measure] + amount, _DIGITS)
    sums["iv"]["availabletoreserve"] = available(found)
    return {source: dict(measures) for source, measures in sums.items()}


def _place_row(place: Place) -> Row:
    return {
        "organization": place.organization,
        "product": place.product,
        "dimensions": _dimensions_text(place.dimensions),
    }


def _dimensions_text(dimensions: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(dimensions.items())))


def _success(kind: str, status: str = "success") -> Answer:
    return {
        "id": f"{kind}~id-{uuid.uuid4().hex[:12]}",
        "processingStatus": status,
        "message": "",
        "statusCode": 200,
    }
