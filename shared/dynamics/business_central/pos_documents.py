"""Invoices and credit memos through the retail custom API, whose POS key nobody can use twice.

    POST posDocuments (header and lines; the POS key is unique) -- taken --> looked up, compared
    Microsoft.NAV.book -- creates and posts the document; booking it again changes nothing

So two attempts at the same moment end in one document, which the standard API cannot promise.
Orders, and whatever else the custom API does not have, go through the standard one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.amounts import minor_unit
from shared.dynamics.business_central import mapping, requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.business_central.keys import POS, short_key
from shared.dynamics.business_central.sales_documents import BusinessCentralSalesDocuments
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.odata.errors import DynamicsError, Refused
from shared.dynamics.once import book_once
from shared.dynamics.ports.documents import DocumentKind, DocumentStatus, SalesDocument, SalesLine
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Entity

SET = "posDocuments"
LINES = "posDocumentLines"
BOOKED = "Booked"
TYPES = {DocumentKind.INVOICE: "Invoice", DocumentKind.CREDIT_MEMO: "Credit_x0020_Memo"}
READ = (
    "id", "posKey", "documentType", "customerNumber", "currencyCode", "expectedTotal", "status",
    "documentNumber", "totalAmountIncludingTax",
)  # fmt: skip
_AT_ONCE = 5


class BusinessCentralPosDocuments:
    """The `SalesDocuments` port where the retail custom API is installed."""

    def __init__(self, custom: Api, standard: BusinessCentralSalesDocuments) -> None:
        self._custom = custom
        self._standard = standard

    def in_lane(self, lane: Lane) -> BusinessCentralPosDocuments:
        """Return the same documents for calls of another urgency."""
        return BusinessCentralPosDocuments(self._custom.in_lane(lane), self._standard.in_lane(lane))

    async def post(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        others = [each for each in documents if each.kind not in TYPES]
        postings = dict(zip(map(id, others), await self._standard.post(others), strict=True))
        places = asyncio.Semaphore(_AT_ONCE)

        async def book(document: SalesDocument) -> Posting:
            if document.kind not in TYPES:
                return postings[id(document)]
            async with places:
                return await self._post(document)

        return await asyncio.gather(*map(book, documents))

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        return await self._standard.cancel(kind, company, key)

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        if kind not in TYPES:
            return await self._standard.status(kind, company, key)
        found = await self._find(await self._custom.company(company, SET), key)
        if found is None:
            return None
        total = Decimal(str(found["totalAmountIncludingTax"]))
        return DocumentStatus(key, str(found["documentNumber"]), str(found["status"]), total)

    async def _find(self, path: str, key: str) -> Entity | None:
        where = requests.equal("posKey", short_key(key, POS))
        return await self._custom.first(requests.rows(path, where=where, select=READ))

    async def _post(self, document: SalesDocument) -> Posting:
        if not document.lines:
            return Failed(Refused("A document without lines cannot be posted."))
        try:
            path = await self._custom.company(document.company, SET)
        except DynamicsError as error:
            return Failed(error)
        latest: Entity = {}

        async def write() -> Entity:
            latest.update(await self._custom.create(path, body(document)))
            return latest

        async def look_up() -> Entity | None:
            found = await self._find(path, document.key)
            latest.update(found or {})
            return found

        async def act() -> Entity:
            await self._custom.act(requests.one(path, latest["id"]), "book")
            return await look_up() or latest

        async def booked() -> Entity | None:
            found = await look_up()
            return found if found is not None and found["status"] == BOOKED else None

        def different(found: Entity) -> str:
            return differences(document, found)

        staged = await book_once(write, look_up, key=_number, differences=different)
        if isinstance(staged, Failed) or latest["status"] == BOOKED:
            return staged
        posted = await book_once(act, booked, key=_number, differences=different)
        if isinstance(posted, Failed):
            return posted
        return Booked(posted.key, already_there=posted.already_there and staged.already_there)


def _number(found: Entity) -> str:
    return str(found["documentNumber"])


def body(document: SalesDocument) -> dict[str, object]:
    """Return header and lines for one deep insert."""
    found: dict[str, object] = {
        "posKey": short_key(document.key, POS),
        "documentType": TYPES[document.kind],
        "customerNumber": document.customer,
        "documentDate": document.day,
        "currencyCode": document.currency,
        "pricesIncludeTax": document.prices_include_tax,
        "expectedTotal": mapping.expected_total(document),
        "tolerance": minor_unit(document.currency) * len(document.lines),
        "reference": document.reference[:35],
        LINES: [line(each, document) for each in document.lines],
    }
    if document.applies_to:
        found["appliesToPosKey"] = short_key(document.applies_to, POS)
    return found


def line(sold: SalesLine, document: SalesDocument) -> dict[str, object]:
    found: dict[str, object] = {
        "lineNumber": sold.number,
        "itemNumber": sold.item,
        "variantCode": sold.variant,
        "unitOfMeasureCode": sold.unit,
        "locationCode": "" if sold.account else sold.location or document.location,
        "description": sold.description[:100],
        "quantity": sold.quantity,
        "unitPrice": sold.unit_price,
        "discountAmount": sold.discount,
        "taxCode": sold.tax_group,
    }
    if sold.account:
        found["accountNumber"] = sold.account
    return found


def differences(document: SalesDocument, there: Entity) -> str:
    found = []
    total = mapping.expected_total(document)
    if Decimal(str(there["expectedTotal"])) != total:
        found.append(f"expectedTotal: {there['expectedTotal']} there, {total} here")
    for name, own in (
        ("documentType", TYPES[document.kind]),
        ("customerNumber", document.customer),
        ("currencyCode", document.currency),
    ):
        if str(there[name]).casefold() != own.casefold():
            found.append(f"{name}: {there[name]} there, {own} here")
    return "; ".join(found)
