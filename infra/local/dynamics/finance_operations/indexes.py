"""The fields by which others than the key find rows, so that a full database stays fast."""

from __future__ import annotations

from infra.local.dynamics.odata.query import column
from infra.local.dynamics.odata.store import EntityStore

from .entity_sets import ledger, parties, products, sales, stock

_FOUND_BY = (
    (sales.ORDERS, "CustomersOrderReference"),
    (sales.ORDER_LINES, "SalesOrderNumber"),
    (sales.RETURN_ORDERS, "CustomersOrderReference"),
    (sales.RETURN_ORDER_LINES, "ReturnOrderNumber"),
    (ledger.LEDGER_JOURNALS, "IntegrationKey"),
    (ledger.LEDGER_LINES, "JournalBatchNumber"),
    (ledger.PAYMENT_JOURNALS, "Description"),
    (ledger.PAYMENT_LINES, "JournalBatchNumber"),
    (ledger.PAYMENT_LINES, "AccountDisplayValue"),
    (products.PRICE_JOURNALS, "JournalDescription"),
    (products.PRICE_JOURNAL_LINES, "TradeAgreementJournalNumber"),
    (parties.GIFT_CARD_TRANSACTIONS, "CardNumber"),
    (parties.REWARD_TRANSACTIONS, "CardNumber"),
    *(
        (journal, "Description")
        for journal in (
            stock.COUNTING_JOURNALS,
            stock.ADJUSTMENT_JOURNALS,
            stock.MOVEMENT_JOURNALS,
            stock.TRANSFER_JOURNALS,
        )
    ),
    *(
        (lines, "JournalNumber")
        for lines in (
            stock.COUNTING_LINES,
            stock.ADJUSTMENT_ENTRIES,
            stock.MOVEMENT_ENTRIES,
            stock.TRANSFER_ENTRIES,
        )
    ),
)


def index(store: EntityStore) -> None:
    for entity_set, name in _FOUND_BY:
        store.index(entity_set, column(entity_set, name))
