"""The books as Dynamics holds them, read from the simulator's own pages and not by our clients."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx

from infra.local.demo.books import Books, Kept, Where

Row = Mapping[str, Any]
Rows = Mapping[tuple[str, str], Sequence[Row]]
"""By product and entity set, without those that were there in the beginning."""

FINANCE, CENTRAL, COMMERCE = "finance-operations", "business-central", "commerce"
DATAVERSE, INVENTORY = "dataverse", "inventory-visibility"

_TRANSACTIONS = (FINANCE, "RetailTransactions")
_ORDERS, _PAYMENTS = (FINANCE, "SalesOrderHeadersV4"), (FINANCE, "CustomerPaymentJournalLines")
_GIFT_CARDS, _CUSTOMERS = (FINANCE, "RetailGiftCardTransactions"), (FINANCE, "CustomersV3")
_INVOICES, _LEDGER = (CENTRAL, "salesInvoices"), (CENTRAL, "generalLedgerEntries")
_COMPANIES = (CENTRAL, "companies")
_UPLOADS = (COMMERCE, "SalesOrders")
_POINTS, _CONTACTS = (DATAVERSE, "tillbus_pointsentries"), (DATAVERSE, "contacts")
_NOTES = (DATAVERSE, "annotations")
_QUANTITIES, _CHANGES = (INVENTORY, "quantities"), (INVENTORY, "events")

READ = (
    _TRANSACTIONS, _ORDERS, _PAYMENTS, _GIFT_CARDS, _CUSTOMERS,
    _INVOICES, _LEDGER, _COMPANIES, _UPLOADS,
    _POINTS, _CONTACTS, _NOTES, _QUANTITIES, _CHANGES,
)  # fmt: skip

_ON_HAND = {"fno.physicalinvent": 1, "pos.inbound": 1, "pos.outbound": -1}
_SEEDED_PLACES = ("W1", "W2")
"""Warehouses with stock from the beginning; our stores are others."""

_SALE = "Sales"
"""Type of a retail transaction that is no movement of a drawer."""


async def held_rows(http: httpx.AsyncClient) -> Rows:
    """Return every row of the sets that the day's documents are in."""
    found = {}
    for product, name in READ:
        rows: list[Row] = []
        skip: int | None = 0
        while skip is not None:
            page: dict[str, str | int] = {"product": product, "set": name}
            page |= {"skip": skip, "top": 10_000}
            answer = await http.get("/_simulator/entities", params=page)
            document = answer.raise_for_status().json()
            rows += document["value"]
            skip = document["next"]
        found[product, name] = rows
    return found


def held_books(rows: Rows, before: Rows) -> Books:
    """Return what the rows come to; `before` are those a new Dynamics begins with."""
    drawn = [row for row in rows[_TRANSACTIONS] if row["TransactionType"] != _SALE]
    sold = [row for row in rows[_TRANSACTIONS] if row["TransactionType"] == _SALE]
    standing = [row for row in rows[_ORDERS] if row["SalesOrderStatus"] != "Canceled"]
    documents: dict[Kept, int] = {
        ("ledger", FINANCE): len(sold),
        ("cash", FINANCE): len(drawn),
        ("ledger", CENTRAL): len(rows[_INVOICES]),
        ("cash", CENTRAL): len(_journals(rows[_LEDGER])),
        ("ledger", COMMERCE): len(rows[_UPLOADS]),
        ("stock", INVENTORY): len(rows[_CHANGES]),
        ("customer", FINANCE): len(rows[_CUSTOMERS]) - len(before[_CUSTOMERS]),
        ("contact", DATAVERSE): len(rows[_CONTACTS]) - len(before[_CONTACTS]),
        ("points", DATAVERSE): len(rows[_POINTS]),
        ("gift-card", FINANCE): len(rows[_GIFT_CARDS]),
        ("note", DATAVERSE): len(rows[_NOTES]),
        ("order", FINANCE): len(standing),
        ("payment", FINANCE): len(rows[_PAYMENTS]),
    }
    return Books(
        documents=Counter(documents),
        money=_money(rows, sold),
        points=_sums(rows[_POINTS], _names("tillbus_company", "tillbus_card"), "tillbus_points"),
        gift_cards=_sums(rows[_GIFT_CARDS], _names("dataAreaId", "CardNumber"), "Amount"),
        stock=_stock(rows[_QUANTITIES]),
        orders=_sums(
            standing, _names("dataAreaId", "CustomerRequisitionNumber"), "OrderTotalAmount"
        ),
        payments=_sums(rows[_PAYMENTS], _names("dataAreaId", "PaymentReference"), "CreditAmount"),
    )


def _names(*fields: str) -> Callable[[Row], Where]:
    return lambda row: tuple(str(row[field]) for field in fields)


def _sums(rows: Iterable[Row], where: Callable[[Row], Where], amount: str) -> dict[Where, Decimal]:
    sums: dict[Where, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[where(row)] += Decimal(str(row[amount]))
    return dict(sums)


def _money(rows: Rows, sold: Sequence[Row]) -> dict[Where, Decimal]:
    names = {row["id"]: row["name"] for row in rows[_COMPANIES]}
    uploads = [{"company": row["company"], **json.loads(row["document"])} for row in rows[_UPLOADS]]
    return {
        **_sums(sold, lambda row: (FINANCE, row["dataAreaId"]), "PaymentAmount"),
        **_sums(
            rows[_INVOICES],
            lambda row: (CENTRAL, names[row["_company"]]),
            "totalAmountIncludingTax",
        ),
        **_sums(uploads, lambda row: (COMMERCE, row["company"]), "TotalAmount"),
    }


def _journals(entries: Iterable[Row]) -> set[str]:
    """Return the numbers of the journals posted; invoices have numbers of their own series."""
    return {
        row["documentNumber"]
        for row in entries
        if row["documentNumber"] and not row["documentNumber"].startswith("PS-")
    }


def _stock(quantities: Iterable[Row]) -> dict[Where, Decimal]:
    sums: dict[Where, Decimal] = defaultdict(Decimal)
    for row in quantities:
        place = json.loads(row["dimensions"])["locationid"]
        sign = _ON_HAND.get(f"{row['source']}.{row['measure']}", 0)
        if place not in _SEEDED_PLACES:
            where = row["organization"], place, row["product"]
            sums[where] += sign * Decimal(str(row["quantity"]))
    return dict(sums)
