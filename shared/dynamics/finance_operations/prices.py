"""Prices into Finance & Operations: a trade agreement journal per change, which then is posted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.finance_operations.concurrency import each
from shared.dynamics.finance_operations.custom_services import POST, CustomServices
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.keys import REFERENCE, short_key
from shared.dynamics.finance_operations.numbered import Draft, Kind, NumberedDocuments
from shared.dynamics.finance_operations.variants import DIMENSIONS, dimensions_of
from shared.dynamics.ports.master_data import Price, PriceChange
from shared.dynamics.ports.posting import Posting

_USED_BY = ("PriceChanges.post",)

HEADER: Entity[PriceChange] = Entity(
    "TradeAgreementJournalHeaders",
    ("dataAreaId", "JournalNumber"),
    {
        "dataAreaId": lambda change: change.company,
        "JournalDescription": lambda change: short_key(change.key, REFERENCE),
    },
    more=("TradeAgreementJournalNameId",),
    read=("Posted",),
    lengths={"JournalDescription": REFERENCE},
    used_by=_USED_BY,
)
LINES: Entity[Price] = Entity(
    "OpenSalesPriceJournalLinesV2",
    ("dataAreaId", "TradeAgreementJournalNumber", "LineNumber"),
    {
        "ItemNumber": lambda price: price.item,
        "Price": lambda price: price.amount,
        "PriceCurrencyCode": lambda price: price.currency,
        "QuantityUnitSymbol": lambda price: price.unit,
        "FromQuantity": lambda price: price.quantity_from,
        "CustomerAccountNumber": lambda price: price.customer,
        "PriceCustomerGroupCode": lambda price: price.customer_group,
        "PriceWarehouseId": lambda price: price.location,
        "PriceApplicableFromDate": lambda price: price.first_day,
        "PriceApplicableToDate": lambda price: price.last_day,
    },
    more=("SalesPriceQuantity", *DIMENSIONS),
    compared=("LineNumber", "ItemNumber", "Price", "PriceCurrencyCode", "FromQuantity"),
    used_by=_USED_BY,
)
JOURNAL = Kind(
    HEADER,
    LINES,
    number="JournalNumber",
    reference="JournalDescription",
    parent="TradeAgreementJournalNumber",
    ended={POST: ("Posted", "Yes")},
)


class FinanceOperationsPriceChanges:
    """The `PriceChanges` port. Prices hold once posted: by the custom service, else by a person."""

    def __init__(
        self, documents: NumberedDocuments, custom_services: CustomServices, journal_name: str
    ) -> None:
        self._documents = documents
        self._action = POST if custom_services.has(POST) else ""
        self._journal_name = journal_name

    async def post(self, changes: Sequence[PriceChange]) -> Sequence[Posting]:
        return await each(self._post, changes)

    async def _post(self, change: PriceChange) -> Posting:
        header = {**HEADER.body(change), "TradeAgreementJournalNameId": self._journal_name}
        lines = [
            {
                "LineNumber": number,
                "SalesPriceQuantity": Decimal(1),
                **LINES.body(price),
                **dimensions_of(price.variant),
            }
            for number, price in enumerate(change.prices, start=1)
        ]
        return await self._documents.book(
            JOURNAL, Draft(change.company, header, lines), self._action
        )
