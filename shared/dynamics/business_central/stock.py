"""Stock by location through the retail custom API; without it, totals of items only.

API v2.0 has no stock by location and no item journal. What it has is `items.inventory`: the total,
and a change of it that becomes an adjustment without location, dated today. So without the custom
API a count is taken where there is no location to it, and nothing else. With it every movement has
a key of its own, `entryKey`, and a second one under that key is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.business_central.batch import each
from shared.dynamics.odata.errors import AlreadyExists, DynamicsError, MissingParent, SetUpWrong
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.once import book_once
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.ports.stock import OnHand, StockChange, StockCount, StockTransfer
from shared.dynamics.service import Entity

MOVEMENTS = "stockMovements"
COMPARED = ("entryKey", "movementType", "itemNumber", "locationCode", "quantity")
ON_HAND = ("itemNumber", "variantCode", "locationCode", "inventory", "available")
_MOST_ITEMS = 40
"""Item numbers in one filter: about 1,400 characters of the URL."""
_NEEDS_CUSTOM = (
    "Business Central's API has no stock by location: install the retail custom API and set "
    "BUSINESS_CENTRAL_CUSTOM_API."
)

Body = dict[str, object]


class BusinessCentralStock:
    def __init__(self, api: Api, custom: Api | None) -> None:
        self._api = api
        self._custom = custom

    async def change(self, changes: Sequence[StockChange]) -> Sequence[Posting]:
        return await self._move([(each.company, change_body(each)) for each in changes])

    async def count(self, counts: Sequence[StockCount]) -> Sequence[Posting]:
        if self._custom is None:
            return [await self._set_total(count) for count in counts]
        return await self._move([(each.company, count_body(each)) for each in counts])

    async def transfer(self, transfers: Sequence[StockTransfer]) -> Sequence[Posting]:
        return await self._move([(each.company, transfer_body(each)) for each in transfers])

    async def on_hand(
        self,
        company: str,
        items: Sequence[str],
        locations: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> Sequence[OnHand]:
        """See the port; Business Central has no sites. Without the custom API one row per item, of
        no location."""
        found: list[OnHand] = []
        for start in range(0, len(items), _MOST_ITEMS):
            some = [item.upper() for item in items[start : start + _MOST_ITEMS]]
            if self._custom is None:
                found += await self._totals(company, some)
            else:
                found += await self._by_location(self._custom, company, some, locations)
        return found

    async def _totals(self, company: str, items: Sequence[str]) -> list[OnHand]:
        path = await self._api.company(company, "items")
        where = requests.either("number", items)
        listed = requests.rows(path, where=where, select=("number", "inventory"), replica=True)
        return [
            OnHand(company, str(row["number"]), "", "", amount, amount)
            async for row in self._api.rows(listed)
            for amount in [Decimal(str(row["inventory"]))]
        ]

    async def _by_location(
        self, api: Api, company: str, items: Sequence[str], locations: Sequence[str]
    ) -> list[OnHand]:
        path = await api.company(company, "locationStocks")
        where = requests.either("itemNumber", items)
        if locations:
            where = requests.both(
                where, requests.either("locationCode", [each.upper() for each in locations])
            )
        listed = requests.rows(path, where=where, select=ON_HAND, replica=True)
        return [
            OnHand(
                company,
                str(row["itemNumber"]),
                "",
                str(row["locationCode"]),
                Decimal(str(row["inventory"])),
                Decimal(str(row["available"])),
                variant=str(row["variantCode"]),
            )
            async for row in api.rows(listed)
        ]

    async def _move(self, movements: Sequence[tuple[str, Body]]) -> list[Posting]:
        """All in batches; those without a certain answer one by one, looked up first."""
        if self._custom is None:
            return [Failed(SetUpWrong(_NEEDS_CUSTOM)) for _ in movements]
        try:
            paths = {
                company: await self._custom.company(company, MOVEMENTS)
                for company in {company for company, _ in movements}
            }
            operations = [requests.create(paths[company], body) for company, body in movements]
            answers = await each(self._custom, operations)
        except DynamicsError as error:
            return [Failed(error) for _ in movements]
        return [
            await self._judge(self._custom, paths[company], body, operation, answer)
            for (company, body), operation, answer in zip(
                movements, operations, answers, strict=True
            )
        ]

    async def _judge(
        self, api: Api, path: str, body: Body, operation: Operation, answer: Response | None
    ) -> Posting:
        key = str(body["entryKey"])
        if answer is not None and answer.is_success:
            return Booked(key, already_there=False)
        if answer is not None:
            error = api.service.error(answer)
            if not isinstance(error, AlreadyExists):
                return Failed(error)

        async def write() -> Entity:
            return await api.create(path, body)

        async def look_up() -> Entity | None:
            where = requests.equal("entryKey", key)
            return await api.first(requests.rows(path, where=where, select=COMPARED))

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["entryKey"]),
            differences=lambda found: differences(body, found),
            look_first=True,
        )

    async def _set_total(self, count: StockCount) -> Posting:
        """An absolute total may be written twice: the second time changes nothing."""
        if count.location or count.variant:
            return Failed(SetUpWrong(_NEEDS_CUSTOM))
        try:
            path = await self._api.company(count.company, "items")
        except DynamicsError as error:
            return Failed(error)
        where = requests.equal("number", count.item.upper())
        listed = requests.rows(path, where=where, select=("id", "number", "inventory"))

        async def write() -> Entity:
            found = await self._api.first(listed)
            if found is None:
                raise _no_item(count.item)
            row, etag = requests.one(path, found["id"]), str(found["@odata.etag"])
            return await self._api.change(row, {"inventory": count.quantity}, etag)

        async def look_up() -> Entity | None:
            found = await self._api.first(listed)
            if found is None:
                raise _no_item(count.item)
            return found if Decimal(str(found["inventory"])) == count.quantity else None

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["number"]),
            differences=lambda _: "",
            look_first=True,
        )


def _no_item(number: str) -> DynamicsError:
    return MissingParent(f"Business Central has no item {number}.")


def change_body(change: StockChange) -> Body:
    return _body(change, "Adjustment") | {"reason": change.movement.value}


def count_body(count: StockCount) -> Body:
    return _body(count, "Count")


def transfer_body(transfer: StockTransfer) -> Body:
    return {
        "entryKey": transfer.event_id,
        "movementType": "Transfer",
        "itemNumber": transfer.item,
        "variantCode": transfer.variant,
        "locationCode": transfer.from_location,
        "newLocationCode": transfer.to_location,
        "quantity": transfer.quantity,
        "postingDate": transfer.at.date(),
    }


def _body(moved: StockChange | StockCount, kind: str) -> Body:
    return {
        "entryKey": moved.event_id,
        "movementType": kind,
        "itemNumber": moved.item,
        "variantCode": moved.variant,
        "locationCode": moved.location,
        "quantity": moved.quantity,
        "postingDate": moved.at.date(),
    }


def differences(ours: Body, there: Entity) -> str:
    found = []
    for name in COMPARED:
        own, theirs = ours[name], there[name]
        same = (
            Decimal(str(theirs)) == own
            if isinstance(own, Decimal)
            else str(theirs).casefold() == str(own).casefold()
        )
        if not same:
            found.append(f"{name}: {theirs} there, {own} here")
    return "; ".join(found)
