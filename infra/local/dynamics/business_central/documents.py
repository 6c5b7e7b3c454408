"""Drafts of sales orders, invoices and credit memos: completed and summed up.

Texts and order of checks: the pages of API v2.0 (microsoft/ALAppExtensions). Tax is computed and
rounded per line, half up, to the currency's minor units; whether prices include it is the
customer's setting, and only an order may say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from . import errors
from .books import Books, Row
from .entities import STANDARD
from .rules import Rules
from .seed import COMPANIES
from .types import EMPTY_DATE, EMPTY_GUID

NO_DATES = ("", EMPTY_DATE)


@dataclass(frozen=True, slots=True)
class Kind:
    header: str
    lines: str
    day: str
    """The field of the document's own date."""
    draft_series: tuple[str, int]
    posted_series: tuple[str, int]
    word: str
    sign: int
    """Of what is posted to the customer."""


ORDER = Kind("salesOrders", "salesOrderLines", "orderDate", ("S-ORD", 101001),
              ("PS-INV", 103001), "order", 1)  # fmt: skip
INVOICE = Kind("salesInvoices", "salesInvoiceLines", "invoiceDate", ("S-INV", 102001),
                ("PS-INV", 103001), "invoice", 1)  # fmt: skip
MEMO = Kind("salesCreditMemos", "salesCreditMemoLines", "creditMemoDate", ("S-CR", 1001),
             ("PS-CR", 104001), "credit memo", -1)  # fmt: skip

_LINE_SUMS = {
    "totalAmountExcludingTax": "amountExcludingTax",
    "totalTaxAmount": "totalTaxAmount",
    "totalAmountIncludingTax": "amountIncludingTax",
}


def money(company: str, amount: Decimal) -> Decimal:
    unit = Decimal(1).scaleb(-COMPANIES[company].decimals)
    return amount.quantize(unit, ROUND_HALF_UP)


def exact(value: object) -> Decimal:
    return Decimal(str(value))


def number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _insert_header(kind: Kind) -> Callable[[Books, Row, Set[str]], None]:
    def insert(books: Books, row: Row, given: Set[str]) -> None:
        _no_invoice_discount(row)
        customer = _customer(books, row, given)
        _take_customer(row, customer)
        company = str(row["_company"])
        if "pricesIncludeTax" not in given:
            row["pricesIncludeTax"] = bool(customer.get("_pricesIncludeTax", False))
        today = books.now()[:10]
        for name in (kind.day, "postingDate"):
            if row[name] in NO_DATES:
                row[name] = today
        _currency(books, company, row)
        _applies_to(books, company, row, given)
        row["number"] = books.next_number(company, *kind.draft_series)
        row["status"] = "Draft"
        row["discountAppliedBeforeTax"] = True
        row["_posted"] = False

    return insert


def _no_invoice_discount(row: Row) -> None:
    if row["discountAmount"]:
        raise errors.dialog("The simulator has no invoice discounts; use discounts of lines.")


def _customer(books: Books, row: Row, given: Set[str]) -> Row:
    customers, company = STANDARD["customers"], str(row["_company"])
    if not given & {"customerId", "customerNumber"}:
        raise errors.dialog('A "customerNumber" or a "customerId" must be provided.')
    found = None
    if "customerId" in given:
        found = books.get(customers, company, str(row["customerId"]))
    if "customerNumber" in given:
        by_number = books.find(customers, company, number=row["customerNumber"])
        if "customerId" in given and (found is None or found != by_number):
            raise errors.dialog("The sell-to customer values do not match to a specific Customer.")
        found = by_number
    if found is None:
        raise errors.dialog("The sell-to customer cannot be found.")
    if found["blocked"] in ("Invoice", "All"):
        raise errors.dialog(
            f"You cannot create this type of document when Customer {found['number']} is blocked "
            f"with type {found['blocked']}"
        )
    return found


def _take_customer(row: Row, customer: Row) -> None:
    for prefix in ("customer", "billToCustomer"):
        row[f"{prefix}Id"], row[f"{prefix}Number"] = customer["id"], customer["number"]
    row["customerName"] = row["billToName"] = customer["displayName"]
    row["currencyCode"] = row["currencyCode"] or customer["currencyCode"]


def _currency(books: Books, company: str, row: Row) -> None:
    own, code = COMPANIES[company].currency, row["currencyCode"]
    if code in ("", own):
        row["currencyCode"], row["currencyId"] = own, EMPTY_GUID
        return
    found = books.find(STANDARD["currencies"], company, code=code)
    if found is None:
        raise errors.dialog('The "currencyCode" does not match to a Currency.')
    row["currencyId"] = found["id"]


def _applies_to(books: Books, company: str, row: Row, given: Set[str]) -> None:
    if "invoiceId" in given and row["invoiceId"] != EMPTY_GUID:
        invoice = books.get(STANDARD["salesInvoices"], company, str(row["invoiceId"]))
        if invoice is None or not invoice["_posted"]:
            raise errors.dialog('The "invoiceId" does not match to an Invoice.')
        row["invoiceNumber"] = invoice["number"]


def _change_header(books: Books, old: Row, row: Row, given: Set[str]) -> None:
    if old["_posted"]:
        raise errors.dialog("The document is posted and cannot be changed.")
    _no_invoice_discount(row)
    if given & {"customerId", "customerNumber"}:
        _take_customer(row, _customer(books, row, given))
    if "currencyCode" in given:
        _currency(books, str(row["_company"]), row)


def _delete_header(kind: Kind) -> Callable[[Books, Row], None]:
    def delete(_: Books, row: Row) -> None:
        if row["_posted"]:
            raise errors.dialog(f"You cannot delete this posted {kind.word}.")

    return delete


def _insert_line(kind: Kind) -> Callable[[Books, Row, Set[str]], None]:
    def insert(books: Books, row: Row, given: Set[str]) -> None:
        company = str(row["_company"])
        header = _open_header(books, kind, row)
        if not row["sequence"]:
            parent = str(row["_parent"])
            row["sequence"] = books.next_line(STANDARD[kind.lines], company, parent, "sequence")
        row["documentId"] = row["_parent"]
        row["lineType"] = row["lineType"] if "lineType" in given else "Item"
        if row["lineType"] == "Item":
            _take_item(books, company, row, given)
        elif row["lineType"] == "Account":
            _take_account(books, company, row, given)
        if row["locationId"] != EMPTY_GUID and not books.get(
            STANDARD["locations"], company, str(row["locationId"])
        ):
            raise errors.not_related("Location Code", "Sales Line", row["locationId"], "Location")
        row["shipmentDate"] = header["postingDate"]
        _sum_line(company, header, row)

    return insert


def _open_header(books: Books, kind: Kind, row: Row) -> Row:
    header = books.get(STANDARD[kind.header], str(row["_company"]), str(row["_parent"]))
    if header is None:
        raise errors.no_row(STANDARD[kind.header].caption, str(row["_parent"]))
    if header["_posted"]:
        raise errors.dialog("The document is posted and cannot be changed.")
    return header


def _take_item(books: Books, company: str, row: Row, given: Set[str]) -> None:
    items = STANDARD["items"]
    found = (
        books.get(items, company, str(row["itemId"]))
        if "itemId" in given
        else books.find(items, company, number=row["lineObjectNumber"])
    )
    if found is None:
        raise errors.dialog("Item does not exist.")
    if found["blocked"]:
        raise errors.BusinessCentralError(
            400,
            "Application_FieldValidationException",
            f"Blocked must be equal to 'No'  in Item: No.={found['number']}. Current value is "
            "'Yes'.",
        )
    row["itemId"], row["lineObjectNumber"] = found["id"], found["number"]
    row["description"] = row["description"] or found["displayName"]
    row["taxCode"] = row["taxCode"] or found["taxGroupCode"]
    row["unitOfMeasureCode"] = row["unitOfMeasureCode"] or found["baseUnitOfMeasureCode"]
    unit = books.find(STANDARD["unitsOfMeasure"], company, code=row["unitOfMeasureCode"])
    if unit is None:
        raise errors.not_related("Unit of Measure Code", "Sales Line", row["unitOfMeasureCode"],
                                 "Item Unit of Measure")  # fmt: skip
    row["unitOfMeasureId"] = unit["id"]
    if row["itemVariantId"] != EMPTY_GUID:
        variant = books.get(STANDARD["itemVariants"], company, str(row["itemVariantId"]))
        if variant is None or variant["itemId"] != found["id"]:
            raise errors.not_related("Variant Code", "Sales Line", row["itemVariantId"],
                                     "Item Variant")  # fmt: skip
    if "unitPrice" not in given:
        row["unitPrice"] = found["unitPrice"]


def _take_account(books: Books, company: str, row: Row, given: Set[str]) -> None:
    accounts = STANDARD["accounts"]
    found = (
        books.get(accounts, company, str(row["accountId"]))
        if "accountId" in given
        else books.find(accounts, company, number=row["lineObjectNumber"])
    )
    if found is None:
        raise errors.dialog("Account does not exist.")
    row["accountId"], row["lineObjectNumber"] = found["id"], found["number"]
    row["description"] = row["description"] or found["displayName"]


def _change_line(kind: Kind) -> Callable[[Books, Row, Row, Set[str]], None]:
    def change(books: Books, old: Row, row: Row, given: Set[str]) -> None:
        header = _open_header(books, kind, row)
        for name in ("sequence", "documentId", "lineObjectNumber"):
            if name in given and row[name] != old[name]:
                raise errors.dialog(f'The value for "{name}" cannot be modified.')
        _sum_line(str(row["_company"]), header, row)

    return change


def _sum_line(company: str, header: Row, row: Row) -> None:
    percent = COMPANIES[company].taxes.get(str(row["taxCode"]))
    if percent is None:
        if row["taxCode"]:
            raise errors.not_related("VAT Prod. Posting Group", "Sales Line", row["taxCode"],
                                     "VAT Product Posting Group")  # fmt: skip
        percent = Decimal(0)
    gross = exact(row["quantity"]) * exact(row["unitPrice"])
    if row["discountPercent"] and not row["discountAmount"]:
        row["discountAmount"] = number(money(company, gross * exact(row["discountPercent"]) / 100))
    amount = money(company, money(company, gross) - exact(row["discountAmount"]))
    if header["pricesIncludeTax"]:
        including = amount
        excluding = money(company, amount / (1 + percent / 100))
    else:
        excluding = amount
        including = amount + money(company, amount * percent / 100)
    row["taxPercent"] = number(percent)
    for names, value in (
        (("amountExcludingTax", "netAmount"), excluding),
        (("totalTaxAmount", "netTaxAmount"), including - excluding),
        (("amountIncludingTax", "netAmountIncludingTax"), including),
    ):
        for name in names:
            row[name] = number(value)
    if "invoiceQuantity" in row:
        row["invoiceQuantity"] = row["shipQuantity"] = row["quantity"]


def _refresh(kind: Kind) -> Callable[[Books, Row], None]:
    def refresh(books: Books, row: Row) -> None:
        below = books.children(STANDARD[kind.lines], str(row["_company"]), str(row["id"]))
        for total, part in _LINE_SUMS.items():
            row[total] = number(sum((exact(line[part]) for line in below), Decimal(0)))
        books.update(STANDARD[kind.header], row)

    return refresh


def _delete_line(kind: Kind) -> Callable[[Books, Row], None]:
    def delete(books: Books, row: Row) -> None:
        _open_header(books, kind, row)

    return delete


def header_rules(kind: Kind, actions: Mapping[str, Callable[[Books, Row], None]]) -> Rules:
    return Rules(
        insert=_insert_header(kind),
        change=_change_header,
        delete=_delete_header(kind),
        refresh=_refresh(kind),
        actions=actions,
    )


def line_rules(kind: Kind) -> Rules:
    return Rules(insert=_insert_line(kind), change=_change_line(kind), delete=_delete_line(kind))
