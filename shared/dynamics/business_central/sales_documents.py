"""Sales orders, invoices and credit memos in Business Central.

    look for externalDocumentNumber -- none ------> deep insert (header and lines, atomic)
                                    -- a draft ---> compared, completed
                                    -- posted ----> compared, done
    the draft -- totals differ -------------------> Conflict; it stays for a person to see
              -- Microsoft.NAV.post --------------> posted, its id stays

Nothing keeps a second document with the same external number out, so every insert looks first and
an uncertain one looks again; two attempts at the same moment must be kept apart by the caller, or
by the retail custom API's unique key (`pos_documents`). Look-ups never use the read-only replica,
which may not have what was written a moment ago. A deleted document leaves no trace: whoever posts
a cancelled order again places it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from shared.dynamics.business_central import mapping, requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.business_central.keys import EXTERNAL_DOCUMENT, short_key
from shared.dynamics.business_central.mapping import DRAFT, SHAPES, Places, Shape
from shared.dynamics.business_central.references import References
from shared.dynamics.claims import Claims
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.odata.errors import DynamicsError, MissingParent, Refused
from shared.dynamics.once import book_once
from shared.dynamics.ports.documents import DocumentKind, DocumentStatus, SalesDocument
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Entity, Uncertain

_AT_ONCE = 5
"""Requests Business Central carries out for one application at the same time."""


class BusinessCentralSalesDocuments:
    """The `SalesDocuments` port. Keeps no state but ids of master data."""

    def __init__(self, api: Api, references: References, claims: Claims) -> None:
        self._api = api
        self._references = references
        self._claims = claims

    def in_lane(self, lane: Lane) -> BusinessCentralSalesDocuments:
        """Return the same documents for calls of another urgency."""
        return BusinessCentralSalesDocuments(
            self._api.in_lane(lane), self._references, self._claims
        )

    async def post(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        """See the port. Documents of one key are booked one after the other."""
        by_key: dict[tuple[object, ...], list[int]] = {}
        for index, document in enumerate(documents):
            key = (document.kind, document.company, document.key.upper())
            by_key.setdefault(key, []).append(index)
        postings: dict[int, Posting] = {}
        places = asyncio.Semaphore(_AT_ONCE)

        async def book(indexes: Sequence[int]) -> None:
            for index in indexes:
                async with places:
                    postings[index] = await self._post(documents[index])

        await asyncio.gather(*map(book, by_key.values()))
        return [postings[index] for index in range(len(documents))]

    async def _post(self, document: SalesDocument) -> Posting:
        claim = f"{document.kind}/{document.company}/{document.key}".casefold()
        try:
            # API v2.0 keeps no second document of a number out; nobody else may look meanwhile.
            async with self._claims.held(claim):
                return await _Booking(self._api, self._references, document).book()
        except DynamicsError as error:
            return Failed(error)

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        """See the port. Drafts and orders are deleted, which leaves no trace: one that is not there
        counts as cancelled. Posted invoices and credit memos are cancelled by their opposite."""
        try:
            shape = _shape(kind)
            path = await self._api.company(company, shape.entity_set)
            if kind is DocumentKind.ORDER and await self._invoiced(company, key):
                return Failed(Refused(f"Order {key} is invoiced."))
        except DynamicsError as error:
            return Failed(error)

        async def write() -> Entity:
            found = await self._find(path, key)
            if found is None:
                return {"number": key}
            await self._undo(path, found)
            return found

        async def look_up() -> Entity | None:
            found = await self._find(path, key)
            if found is None:
                return {"number": key}
            return found if found["status"] in ("Canceled", "Corrective") else None

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["number"]),
            differences=lambda _: "",
            look_first=True,
        )

    async def _undo(self, path: str, found: Entity) -> None:
        if path.endswith("salesOrders") or found["status"] == DRAFT:
            await self._api.delete(requests.one(path, found["id"]), str(found["@odata.etag"]))
        else:
            await self._api.act(requests.one(path, found["id"]), "cancel")

    async def _invoiced(self, company: str, key: str) -> bool:
        path = await self._api.company(company, "salesInvoices")
        found = await self._find(path, key)
        return found is not None and bool(found.get("orderNumber", ""))

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        path = await self._api.company(company, _shape(kind).entity_set)
        found = await self._find(path, key)
        if found is None:
            return None
        total = Decimal(str(found["totalAmountIncludingTax"]))
        return DocumentStatus(key, str(found["number"]), str(found["status"]), total)

    async def ship_and_invoice(self, company: str, key: str) -> Posting:
        """Ship an order as a whole and invoice it; `Booked.key` is the invoice's number.

        The order vanishes and the invoice has an id of its own: it is found by our key."""
        try:
            orders = await self._api.company(company, "salesOrders")
            invoices = await self._api.company(company, "salesInvoices")
        except DynamicsError as error:
            return Failed(error)

        async def write() -> Entity:
            order = await self._find(orders, key)
            if order is None:
                raise MissingParent(f"There is no order {key}.")
            await self._api.act(requests.one(orders, order["id"]), "shipAndInvoice")
            return await self._find(invoices, key) or order

        async def look_up() -> Entity | None:
            return await self._find(invoices, key)

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["number"]),
            differences=lambda _: "",
            look_first=True,
        )

    async def pdf(self, kind: DocumentKind, company: str, key: str) -> bytes | None:
        """Return the document as PDF, None where there is none. Raises DynamicsError."""
        path = await self._api.company(company, _shape(kind).entity_set)
        found = await self._find(path, key)
        if found is None:
            return None
        sheet = await self._api.first(
            requests.rows(f"{requests.one(path, found['id'])}/pdfDocument")
        )
        link = None if sheet is None else sheet.get("pdfDocumentContent@odata.mediaReadLink")
        if link is None:
            return None
        return (await self._api.service.read(requests.rows(str(link)))).body

    async def _find(self, path: str, key: str) -> Entity | None:
        return await find_document(self._api, path, key)


async def find_document(api: Api, path: str, key: str) -> Entity | None:
    """Return the document with our key, the one posted before any draft. Raises DynamicsError."""
    number = short_key(key, EXTERNAL_DOCUMENT)
    select = (*mapping.HEADER_READ, *(("orderNumber",) if "Invoices" in path else ()))
    where = requests.equal("externalDocumentNumber", number)
    drafts = None
    async for row in api.rows(requests.rows(path, where=where, select=select)):
        if row["status"] != DRAFT:
            return row
        drafts = drafts or row
    return drafts


def _shape(kind: DocumentKind) -> Shape:
    shape = SHAPES.get(kind)
    if shape is None:
        raise Refused("Business Central's API has no return orders; send a credit memo.")
    return shape


class _Booking:
    """One document on its way: what was found or written of it so far."""

    def __init__(self, api: Api, references: References, document: SalesDocument) -> None:
        self._api = api
        self._references = references
        self._document = document
        self._shape = _shape(document.kind)
        self._path = ""
        self._latest: Entity = {}

    async def book(self) -> Posting:
        """Return the posting; raises DynamicsError."""
        if not self._document.lines:
            raise Refused("A document without lines cannot be posted.")
        self._path = await self._api.company(self._document.company, self._shape.entity_set)
        drafted = await book_once(
            self._insert, self._find, key=_number, differences=self._differences, look_first=True
        )
        if isinstance(drafted, Failed) or not self._is_to_be_posted():
            return drafted
        mapping.check_prices(self._document, self._latest)
        if different := self._differences(self._latest):
            return Failed(mapping.conflict(self._latest, different))
        posted = await book_once(
            self._act, self._find_posted, key=_number, differences=self._differences
        )
        if isinstance(posted, Failed):
            return posted
        return Booked(posted.key, already_there=posted.already_there and drafted.already_there)

    def _is_to_be_posted(self) -> bool:
        return self._shape.posts and self._latest.get("status") == DRAFT

    def _differences(self, there: Entity) -> str:
        return mapping.differences(self._document, there)

    async def _insert(self) -> Entity:
        document = self._document
        items = {(each.item, each.variant) for each in document.lines if each.variant}
        locations = {each.location or document.location for each in document.lines} - {""}
        places = Places(
            {each: await self._references.variant(document.company, *each) for each in items},
            {each: await self._references.location(document.company, each) for each in locations},
        )
        body = mapping.document_body(document, places, await self._invoice_id())
        self._latest = await self._api.create(self._path, body)
        return self._latest

    async def _invoice_id(self) -> str:
        if self._document.kind is not DocumentKind.CREDIT_MEMO or not self._document.applies_to:
            return ""
        path = await self._api.company(self._document.company, "salesInvoices")
        found = await find_document(self._api, path, self._document.applies_to)
        if found is None or found["status"] == DRAFT:
            raise MissingParent(f"There is no posted invoice {self._document.applies_to}.")
        return str(found["id"])

    async def _find(self) -> Entity | None:
        document = self._document
        found = await find_document(self._api, self._path, document.key)
        if found is None and document.kind is DocumentKind.ORDER:
            # Shipped and invoiced: the order is gone, the invoice has its number.
            path = await self._api.company(document.company, "salesInvoices")
            invoiced = await find_document(self._api, path, document.key)
            found = invoiced if invoiced is not None and invoiced["orderNumber"] else None
        if found is not None:
            self._latest = found
        return found

    async def _act(self) -> Entity:
        await self._api.act(requests.one(self._path, self._latest["id"]), "post")
        # Its number is another one now; not knowing it is no reason to doubt the posting.
        try:
            return await self._find_posted() or self._latest
        except (DynamicsError, Uncertain):
            return self._latest

    async def _find_posted(self) -> Entity | None:
        found = await self._find()
        return found if found is not None and found["status"] != DRAFT else None


def _number(found: Entity) -> str:
    return cast(str, found["number"])
