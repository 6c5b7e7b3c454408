"""The `SalesDocuments` port on Commerce: upload of what was sold, looked up by channel reference.

That Commerce refuses a second upload under the same Id is not published ([U]), so every upload is
looked up first, and again after no certain answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.claims import Claims
from shared.dynamics.commerce.members import ORDER_LOOK_UP, UPLOAD
from shared.dynamics.commerce.order_upload import (
    STATES,
    differences,
    transaction_id,
    upload_body,
)
from shared.dynamics.commerce.products import Products
from shared.dynamics.commerce.requests import action, one
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.odata.errors import (
    DynamicsError,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.responses import json_object
from shared.dynamics.once import book_once
from shared.dynamics.ports.documents import DocumentKind, DocumentStatus, SalesDocument
from shared.dynamics.ports.posting import Body, Failed, Posting
from shared.dynamics.service import Entity, Service, Uncertain

_AT_ONCE = 8
"""Uploads of one call that are under way together."""


class CommerceOrders:
    """Keeps no state between calls."""

    def __init__(
        self, service: Service, products: Products, settings: CommerceSettings, claims: Claims
    ) -> None:
        self._service = service
        self._claims = claims
        self._products = products
        self._settings = settings

    async def post(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        places = asyncio.Semaphore(_AT_ONCE)

        async def post(document: SalesDocument) -> Posting:
            async with places:
                return await self._post(document)

        return await asyncio.gather(*map(post, documents))

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        """Never booked: an application cannot cancel an order in a scale unit."""
        return Failed(Refused("Orders are cancelled in Commerce headquarters, not in the channel."))

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        """`number` is the sales order's of headquarters once it has one."""
        self._settings.check(company)
        found = await self._look_up(transaction_id(key))
        if found is None:
            return None
        return DocumentStatus(
            key=key,
            number=str(found.get("SalesId") or found["Id"]),
            state=_state(found.get("StatusValue")),
            total=Decimal(found["TotalAmount"]),
        )

    async def _post(self, document: SalesDocument) -> Posting:
        try:
            body = await self._body(document)
            upload = action(UPLOAD, body)
        except DynamicsError as error:
            return Failed(error)
        except ValueError as error:
            return Failed(Refused(str(error)))
        reference = str(body["ChannelReferenceId"])
        try:
            # Whether Commerce keeps a second upload out is not documented; nobody else may look.
            async with self._claims.held(f"order/{reference}".casefold()):
                return await book_once(
                    lambda: self._upload(upload),
                    lambda: self._look_up(reference),
                    key=lambda found: str(found["Id"]),
                    differences=lambda found: differences(body, found),
                    look_first=True,
                )
        except DynamicsError as error:
            return Failed(error)

    async def _body(self, document: SalesDocument) -> Body:
        self._settings.check(document.company)
        for name in ("store", "terminal"):
            if not getattr(self._settings, name):
                raise SetUpWrong(f"{self._settings.variable(name)} is needed to upload orders.")
        if varied := next((line.item for line in document.lines if line.variant), ""):
            raise Refused(f"A variant of {varied} is a product of its own in Commerce.")
        products = await self._products.ids([line.item for line in document.lines])
        return upload_body(document, products, self._settings)

    async def _upload(self, upload: Operation) -> Entity:
        try:
            return json_object(await self._service.write(upload))
        except TryLater as error:
            if error.status is not None and 200 <= error.status < 300:
                raise Uncertain("the answer is not a JSON object") from error
            raise

    async def _look_up(self, reference: str) -> Entity | None:
        """Return the order of this channel reference. Raises DynamicsError."""
        criteria = {"channelReferenceLookupCriteria": {"ChannelReferenceId": reference}}
        found = await one(self._service, action(ORDER_LOOK_UP, criteria))
        if found is not None and found.get("ChannelReferenceId") != reference:
            raise TryLater("Commerce answered a look-up with another order.")
        return found


def _state(value: object) -> str:
    known = isinstance(value, int) and 0 <= value < len(STATES)
    return STATES[value] if known and isinstance(value, int) else str(value)
