"""What posting, invoicing and cancelling do to the rows: the work of custom services.

Finance & Operations has no OData actions for these (dynamics.md 1.1); every integration brings a
service of its own. This one keeps the contract our connector asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from infra.local.dynamics.odata.entities import EntitySet, Row

from .entity_sets import (
    DIMENSIONS,
    ENTITY_SETS,
    ledger,
    parties,
    products,
    retail,
    sales,
    stock,
)
from .rows import Rows

Event = tuple[str, str, Mapping[str, object]]
"""Business event id, company, its own fields."""


class Refusal(Exception):
    """The business logic says no; the text says why."""


class Posting:
    """To be called inside `store.transaction()`; `events` collects what follows from it."""

    def __init__(self, rows: Rows, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._now = now
        self.events: list[Event] = []

    def post(self, document: str, company: str, number: str) -> Mapping[str, object]:
        """Post a journal; `document` names the entity set of its header."""
        entity_set = ENTITY_SETS.get(document)
        if entity_set is None or document not in _JOURNALS:
            raise Refusal(f"'{document}' is no journal.")
        header = self._rows.get(entity_set, company, number)
        if header is None:
            raise Refusal(f"Journal {number} does not exist in {company}.")
        posted, lines, effect = _JOURNALS[document]
        if header.get(posted) == "Yes":
            return {"AlreadyDone": True, "Number": number}
        of_journal = dict(zip(lines.keys[:2], (company, number), strict=True))
        rows = list(self._rows.below(lines, **of_journal))
        if not rows:
            raise Refusal(f"Journal {number} has no lines.")
        for row in rows:
            effect(self._rows, row)
        if document == ledger.LEDGER_JOURNALS.name:
            _balanced(number, rows)
        self._rows.change(entity_set, header, **{posted: "Yes"})
        return {"AlreadyDone": False, "Number": number}

    def cancel(self, document: str, company: str, number: str) -> Mapping[str, object]:
        """Cancel an order or a return order."""
        header, entity_set, status = self._order(document, company, number)
        if header[status] == "Canceled":
            return {"AlreadyDone": True, "Number": number}
        if header[status] in ("Invoiced", "Closed"):
            raise Refusal(f"Order {number} is {header[status]} and cannot be cancelled.")
        self._rows.change(entity_set, header, **{status: "Canceled"})
        return {"AlreadyDone": False, "Number": number}

    def invoice(self, document: str, company: str, number: str) -> Mapping[str, object]:
        """Deliver and invoice a sales order as a whole."""
        header, entity_set, status = self._order(document, company, number)
        if header[status] == "Invoiced":
            return {"AlreadyDone": True, "Number": number}
        if header[status] == "Canceled":
            raise Refusal(f"Order {number} is Canceled and cannot be invoiced.")
        lines = list(
            self._rows.below(sales.ORDER_LINES, dataAreaId=company, SalesOrderNumber=number)
        )
        if not lines:
            raise Refusal(f"Order {number} has no lines.")
        for line in lines:
            self._rows.change(sales.ORDER_LINES, line, SalesOrderLineStatus="Invoiced")
        self._rows.change(entity_set, header, **{status: "Invoiced"})
        invoice = f"INV-{self._rows.next_number(company, 'Invoice'):06}"
        fields = {
            "InvoiceAccount": header["InvoiceCustomerAccountNumber"],
            "InvoiceId": invoice,
            "SalesId": number,
            "InvoiceDate": f"/Date({int(self._now().timestamp() * 1000)})/",
            "InvoiceAmountInAccountingCurrency": header.get("OrderTotalAmount", 0),
            "LegalEntity": company.upper(),
        }
        self.events.append(("SalesInvoicePostedBusinessEvent", company, fields))
        return {"AlreadyDone": False, "Number": number, "InvoiceId": invoice}

    def balance(self, document: str, company: str, number: str) -> Mapping[str, object]:
        """What a customer owes: invoiced orders less posted payments."""
        if self._rows.get(parties.CUSTOMERS, company, number) is None:
            raise Refusal(f"Customer {number} does not exist in {company}.")
        owed = sum(
            float(order.get("OrderTotalAmount", 0))
            for order in self._rows.below(
                sales.ORDERS, dataAreaId=company, InvoiceCustomerAccountNumber=number
            )
            if order.get("SalesOrderStatus") == "Invoiced"
        )
        return {"Balance": round(owed - sum(self._paid(company, number)), 6)}

    def statement(self, document: str, company: str, number: str) -> Mapping[str, object]:
        """Post what a store's transactions of one business day have not in a statement yet."""
        store, _, day = number.rpartition("/")
        if document != retail.RETAIL_TRANSACTIONS.name or not store:
            raise Refusal(f"'{document}' {number} is no store-day of retail transactions.")
        of_store = {"dataAreaId": company, "OperatingUnitNumber": store}
        rows = [
            row
            for row in self._rows.below(retail.RETAIL_TRANSACTIONS, **of_store)
            if str(row.get("businessDate", "")).startswith(day)
        ]
        if not rows:
            raise Refusal(f"Store {store} has no transactions of {day} in {company}.")
        due = [row for row in rows if row.get("TransactionStatus", "None") == "None"]
        for row in due:
            self._rows.change(retail.RETAIL_TRANSACTIONS, row, TransactionStatus="Posted")
        last = self._rows.next_number(company, "Statement") if due else 0
        return {"AlreadyDone": not due, "Number": f"STMT-{last:06}" if due else number}

    def _paid(self, company: str, customer: str) -> Iterator[float]:
        lines = self._rows.below(
            ledger.PAYMENT_LINES, dataAreaId=company, AccountDisplayValue=customer
        )
        for line in lines:
            header = self._rows.get(ledger.PAYMENT_JOURNALS, company, line["JournalBatchNumber"])
            if header is not None and header.get("IsPosted") == "Yes":
                yield float(line.get("CreditAmount", 0)) - float(line.get("DebitAmount", 0))

    def _order(self, document: str, company: str, number: str) -> tuple[Row, EntitySet, str]:
        entity_set = ENTITY_SETS.get(document)
        status = _STATUS.get(document, "")
        if entity_set is None or not status:
            raise Refusal(f"'{document}' is no order.")
        header = self._rows.get(entity_set, company, number)
        if header is None:
            raise Refusal(f"Order {number} does not exist in {company}.")
        return header, entity_set, status


_STATUS = {
    **{each.name: "SalesOrderStatus" for each in (sales.ORDERS_V2, sales.ORDERS, sales.ORDERS_V4)},
    sales.RETURN_ORDERS.name: "ReturnStatus",
}


def _balanced(number: str, lines: list[Row]) -> None:
    """A line with an offset account balances itself."""
    open_amount = sum(
        float(line.get("DebitAmount", 0)) - float(line.get("CreditAmount", 0))
        for line in lines
        if not line.get("OffsetAccountDisplayValue")
    )
    if abs(open_amount) > 1e-6:
        raise Refusal(f"Journal {number} does not balance: {open_amount:.2f}.")


def _move(rows: Rows, line: Row, quantity: float, prefix: str, warehouse: str) -> None:
    where: Row = {
        "dataAreaId": line["dataAreaId"],
        "ItemNumber": line["ItemNumber"],
        **{name: line.get(f"{prefix}{name}", "") for name in DIMENSIONS},
        "InventorySiteId": line.get(f"{prefix}InventorySiteId", ""),
        "InventoryWarehouseId": line.get(f"{prefix}{warehouse}", ""),
    }
    there = rows.get(stock.ON_HAND, *where.values())
    if there is None:
        rows.add(stock.ON_HAND, where)
        there = where
    amount = round(float(there.get("OnHandQuantity", 0)) + quantity, 6)
    available = round(amount - float(there.get("ReservedOnHandQuantity", 0)), 6)
    fields = {"OnHandQuantity": amount, "AvailableOnHandQuantity": available}
    rows.change(stock.ON_HAND, there, **fields, TotalAvailableQuantity=available)


def _adjust(rows: Rows, line: Row) -> None:
    _move(rows, line, float(line.get("InventoryQuantity", 0)), "", "InventoryWarehouseId")


def _transfer(rows: Rows, line: Row) -> None:
    quantity = float(line.get("InventoryQuantity", 0))
    _move(rows, line, -quantity, "Source", "WarehouseId")
    _move(rows, line, quantity, "Destination", "WarehouseId")


def _count(rows: Rows, line: Row) -> None:
    place = (line.get("InventorySiteId", ""), line.get("WarehouseId", ""))
    dimensions = (line.get(name, "") for name in DIMENSIONS)
    there = rows.get(stock.ON_HAND, line["dataAreaId"], line["ItemNumber"], *dimensions, *place)
    before = float((there or {}).get("OnHandQuantity", 0))
    _move(rows, line, float(line.get("CountedQuantity", 0)) - before, "", "WarehouseId")


def _price(rows: Rows, line: Row) -> None:
    """A posted price line is an agreement from then on."""
    left_out = ("TradeAgreementJournalNumber", "LineNumber", "QuantityUnitSymbol", "ProcessingLog")
    agreement = {name: value for name, value in line.items() if name not in left_out}
    agreement["QuantityUnitySymbol"] = line.get("QuantityUnitSymbol", "")
    agreement["RecordId"] = 5_637_144_576 + rows.next_number(
        str(line["dataAreaId"]), "SalesPriceAgreements.RecordId"
    )
    rows.add(products.PRICE_AGREEMENTS, agreement)


def _nothing(rows: Rows, line: Row) -> None:
    """Its amounts are summed where they are asked for."""


_JOURNALS: Mapping[str, tuple[str, EntitySet, Callable[[Rows, Row], None]]] = {
    stock.COUNTING_JOURNALS.name: ("IsPosted", stock.COUNTING_LINES, _count),
    stock.ADJUSTMENT_JOURNALS.name: ("IsPosted", stock.ADJUSTMENT_ENTRIES, _adjust),
    stock.MOVEMENT_JOURNALS.name: ("IsPosted", stock.MOVEMENT_ENTRIES, _adjust),
    stock.TRANSFER_JOURNALS.name: ("IsPosted", stock.TRANSFER_ENTRIES, _transfer),
    ledger.LEDGER_JOURNALS.name: ("IsPosted", ledger.LEDGER_LINES, _nothing),
    ledger.PAYMENT_JOURNALS.name: ("IsPosted", ledger.PAYMENT_LINES, _nothing),
    products.PRICE_JOURNALS.name: ("Posted", products.PRICE_JOURNAL_LINES, _price),
}
"""Header set -> its field that says posted, the set of its lines, what posting a line does."""
