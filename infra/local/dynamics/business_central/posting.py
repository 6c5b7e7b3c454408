"""What is done with sales documents: posted, cancelled, corrected, shipped and invoiced.

Texts and order of checks: the pages of API v2.0 (microsoft/ALAppExtensions). Posting keeps the id,
draws a number of the posted series and writes ledger entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from . import errors, ledger
from .books import Books, Row
from .documents import (
    INVOICE,
    MEMO,
    NO_DATES,
    ORDER,
    Kind,
    exact,
    header_rules,
    line_rules,
    number,
)
from .entities import STANDARD
from .rules import Rules
from .types import EMPTY_GUID


def post(kind: Kind) -> Callable[[Books, Row], None]:
    def post(books: Books, row: Row) -> None:
        if row["_posted"]:
            raise errors.dialog(f"The action can be applied to a draft {kind.word} only.")
        company = str(row["_company"])
        _check_lines(books, kind, row)
        row["number"] = books.next_number(company, *kind.posted_series)
        row["_posted"] = True
        if row.get("dueDate") in NO_DATES:
            row["dueDate"] = row["postingDate"]
        total = exact(row["totalAmountIncludingTax"])
        row["status"] = "Open" if total else "Paid"
        if "remainingAmount" in row:
            row["remainingAmount"] = number(total)
        ledger.post_sale(books, row, kind.sign)
        _apply_memo(books, row)
        books.update(STANDARD[kind.header], row)

    return post


def _check_lines(books: Books, kind: Kind, row: Row) -> None:
    below = books.children(STANDARD[kind.lines], str(row["_company"]), str(row["id"]))
    if not below:
        at_least = "Please add at least one line item to the credit memo."
        raise errors.dialog(at_least if kind is MEMO else "There is nothing to post.")
    for line in below:
        if line["lineType"] != "Comment" and not line["quantity"]:
            raise errors.dialog("One or more document lines with a value in the No. field do not "
                                "have a quantity specified.")  # fmt: skip


def _apply_memo(books: Books, row: Row) -> None:
    """A credit memo reduces what is left of the invoice it belongs to."""
    applied = str(row.get("invoiceId", EMPTY_GUID))
    invoices = STANDARD["salesInvoices"]
    invoice = None if applied == EMPTY_GUID else books.get(invoices, str(row["_company"]), applied)
    if invoice is None:
        return
    left = max(exact(invoice["remainingAmount"]) - exact(row["totalAmountIncludingTax"]), Decimal())
    invoice["remainingAmount"] = number(left)
    if not left:
        invoice["status"] = "Paid"
        row["status"] = "Paid"
    books.update(invoices, invoice)


def _cancel(kind: Kind) -> Callable[[Books, Row], None]:
    def cancel(books: Books, row: Row) -> None:
        if not row["_posted"]:
            raise errors.dialog(f"The action can be applied to a posted {kind.word} only.")
        if row["status"] in ("Canceled", "Corrective"):
            raise errors.dialog(
                f"The {kind.word} cannot be canceled because it has already been canceled."
            )
        row["status"] = "Canceled"
        if "remainingAmount" in row:
            row["remainingAmount"] = 0
        ledger.post_sale(books, row, -kind.sign)
        books.update(STANDARD[kind.header], row)

    return cancel


def copy(books: Books, row: Row, source: Kind, target: Kind, **changes: str) -> Row:
    """Insert a document of another kind with the same customer, dates and lines."""
    header, lines = STANDARD[target.header], STANDARD[target.lines]
    company = str(row["_company"])
    values: Row = {name: row[name] for name in header.fields if name in row and name != "id"}
    values |= {target.day: row[source.day], "_posted": False, "status": "Draft", **changes}
    values["number"] = books.next_number(company, *target.draft_series)
    made = books.insert(header, company, values)
    for line in books.children(STANDARD[source.lines], company, str(row["id"])):
        kept: Row = {name: line[name] for name in lines.fields if name in line and name != "id"}
        books.insert(lines, company, {**kept, "documentId": made["id"], "_parent": made["id"]})
    return made


def _ship_and_invoice(books: Books, row: Row) -> None:
    """The order goes, an invoice of another id stays (dynamics.md 2.2)."""
    _check_lines(books, ORDER, row)
    made = copy(books, row, ORDER, INVOICE, orderId=str(row["id"]), orderNumber=str(row["number"]))
    post(INVOICE)(books, made)
    books.delete(STANDARD["salesOrders"], row)


def _correct(books: Books, row: Row) -> None:
    if not row["_posted"]:
        raise errors.dialog("The action can be applied to a posted invoice only.")
    copy(books, row, INVOICE, MEMO, invoiceId=str(row["id"]), invoiceNumber=str(row["number"]))


def _send(_: Books, row: Row) -> None:
    if not row["email"]:
        raise errors.dialog("The send-to email is empty. Specify email either for the customer or "
                            "for the invoice in email preview.")  # fmt: skip


def _both(*actions: Callable[[Books, Row], None]) -> Callable[[Books, Row], None]:
    def act(books: Books, row: Row) -> None:
        for action in actions:
            action(books, row)

    return act


def _actions(kind: Kind) -> dict[str, Callable[[Books, Row], None]]:
    return {
        "post": post(kind),
        "postAndSend": _both(_send, post(kind)),
        "send": _send,
        "cancel": _cancel(kind),
        "cancelAndSend": _both(_send, _cancel(kind)),
    }


_ACTIONS: Mapping[str, Mapping[str, Callable[[Books, Row], None]]] = {
    "salesOrders": {"shipAndInvoice": _ship_and_invoice},
    "salesInvoices": {**_actions(INVOICE), "makeCorrectiveCreditMemo": _correct},
    "salesCreditMemos": _actions(MEMO),
}

RULES: Mapping[str, Rules] = {
    **{kind.header: header_rules(kind, _ACTIONS[kind.header]) for kind in (ORDER, INVOICE, MEMO)},
    **{kind.lines: line_rules(kind) for kind in (ORDER, INVOICE, MEMO)},
}
