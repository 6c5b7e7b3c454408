"""Journals and what they are posted to: general ledger, customers' balances, item ledger."""

from __future__ import annotations

from collections.abc import Mapping, Set
from decimal import Decimal

from . import errors
from .books import Books, Row
from .entities import STANDARD
from .rules import Rules
from .seed import COMPANIES
from .types import EMPTY_DATE, EMPTY_GUID, Value

_RECEIVABLES, _SALES, _TAX = "2310", "6110", "5610"


def post_sale(books: Books, row: Row, sign: int) -> None:
    """Write the entries of a posted document; `sign` is -1 where it reduces what is owed."""
    for account, name, direction in (
        (_RECEIVABLES, "totalAmountIncludingTax", sign),
        (_SALES, "totalAmountExcludingTax", -sign),
        (_TAX, "totalTaxAmount", -sign),
    ):
        amount = Decimal(str(row[name])) * direction
        if amount:
            kind = "Invoice" if sign > 0 else "Credit_x0020_Memo"
            _enter(books, row, account, amount, str(row["number"]), kind, str(row["customerName"]))
    _owe(books, row, Decimal(str(row["totalAmountIncludingTax"])) * sign)


def _enter(
    books: Books, row: Row, account: str, amount: Decimal, document: str, kind: str, text: str
) -> Row:
    company = str(row["_company"])
    found = books.find(STANDARD["accounts"], company, number=account)
    if found is None:
        raise errors.not_related("Account No.", "Gen. Journal Line", account, "G/L Account")
    entry: dict[str, Value] = {
        "entryNumber": int(books.next_number(company, "", 1)),
        "postingDate": row["postingDate"], "documentNumber": document, "documentType": kind,
        "accountId": found["id"], "accountNumber": account, "description": text,
        "debitAmount": float(max(amount, Decimal())),
        "creditAmount": float(max(-amount, Decimal())),
    }  # fmt: skip
    return books.insert(STANDARD["generalLedgerEntries"], company, entry)


def _owe(books: Books, row: Row, amount: Decimal) -> None:
    details = STANDARD["customerFinancialDetails"]
    found = books.get(details, str(row["_company"]), str(row["customerId"]))
    if found is not None:
        found["balance"] = float(Decimal(str(found["balance"])) + amount)
        books.update(details, found)


def move_stock(books: Books, row: Row, quantity: Decimal, kind: str) -> None:
    """Write the item ledger entry and the item's new inventory; `row` has number, company, day."""
    company = str(row["_company"])
    item = books.find(STANDARD["items"], company, number=row["number"])
    assert item is not None
    item["inventory"] = float(Decimal(str(item["inventory"])) + quantity)
    books.update(STANDARD["items"], item)
    books.insert(
        STANDARD["itemLedgerEntries"],
        company,
        {
            "entryNumber": int(books.next_number(company, "", 1)),
            "itemNumber": row["number"],
            "postingDate": books.now()[:10],
            "entryType": kind,
            "quantity": float(quantity),
        },
    )


def _insert_line(books: Books, row: Row, given: Set[str]) -> None:
    company = str(row["_company"])
    name = "customerPaymentJournals" if "customerNumber" in row else "journals"
    batch = books.get(STANDARD[name], company, str(row["_parent"]))
    if batch is None:
        raise errors.dialog(
            "You must specify a journal batch ID or a journal ID to get a journal line."
        )
    row["journalId"], row["journalDisplayName"] = row["_parent"], batch["code"]
    below = "customerPayments" if "customerNumber" in row else "journalLines"
    if not row["lineNumber"]:
        parent = str(row["_parent"])
        row["lineNumber"] = books.next_line(STANDARD[below], company, parent, "lineNumber")
    if row["postingDate"] == EMPTY_DATE:
        row["postingDate"] = books.now()[:10]
    if "customerNumber" in row:
        _take_payer(books, company, row, given)
    else:
        _take_accounts(books, company, row)


def _take_payer(books: Books, company: str, row: Row, given: Set[str]) -> None:
    customers = STANDARD["customers"]
    if "customerNumber" in given:
        found = books.find(customers, company, number=row["customerNumber"])
        if found is None:
            raise errors.dialog('The "customerNumber" does not match to a Customer.')
    else:
        found = books.get(customers, company, str(row["customerId"]))
        if found is None:
            raise errors.dialog('The "customerId" does not match to a Customer.')
    row["customerId"], row["customerNumber"] = found["id"], found["number"]
    if row["appliesToInvoiceId"] != EMPTY_GUID:
        applied = books.get(STANDARD["salesInvoices"], company, str(row["appliesToInvoiceId"]))
        if applied is None or not applied["_posted"]:
            raise errors.dialog('The "appliesToInvoiceId" should be the ID of an Open, Paid, '
                                "Corrective, or Canceled Invoice.")  # fmt: skip
        row["appliesToInvoiceNumber"] = applied["number"]


def _take_accounts(books: Books, company: str, row: Row) -> None:
    if row["accountType"] == "G_x002F_L_x0020_Account" and row["accountNumber"]:
        found = books.find(STANDARD["accounts"], company, number=row["accountNumber"])
        if found is None:
            raise errors.dialog('The "accountNumber" does not match to an Account.')
        row["accountId"] = found["id"]
    if row["balancingAccountNumber"]:
        number = row["balancingAccountNumber"]
        if books.find(STANDARD["accounts"], company, number=number) is None:
            raise errors.not_related("Bal. Account No.", "Gen. Journal Line", number, "G/L Account")


def _post_journal(books: Books, row: Row) -> None:
    company = str(row["_company"])
    lines = books.children(STANDARD["journalLines"], company, str(row["id"]))
    if not lines:
        raise errors.dialog("There is nothing to post.")
    difference = sum(
        (Decimal(str(line["amount"])) for line in lines if not line["balancingAccountNumber"]),
        Decimal(),
    )
    if difference:
        raise errors.dialog(f"The journal is out of balance by {difference}.")
    for line in lines:
        amount = Decimal(str(line["amount"]))
        sides = [(str(line["accountNumber"]), amount)]
        if line["balancingAccountNumber"]:
            sides.append((str(line["balancingAccountNumber"]), -amount))
        for account, side in sides:
            text = str(line["description"])
            entry = _enter(books, line, account, side, str(line["documentNumber"]), "_x0020_", text)
            _copy_dimensions(books, line, entry)
        books.delete(STANDARD["journalLines"], line)


def _copy_dimensions(books: Books, line: Row, entry: Row) -> None:
    sets, company = STANDARD["dimensionSetLines"], str(line["_company"])
    for each in books.children(sets, company, str(line["id"])):
        kept = {name: each[name] for name in sets.fields}
        kind = "General_x0020_Ledger_x0020_Entry"
        kept |= {"parentId": entry["id"], "parentType": kind, "_parent": entry["id"]}
        books.insert(sets, company, kept)


def _insert_journal(books: Books, row: Row, given: Set[str]) -> None:
    if not row["code"]:
        raise errors.BusinessCentralError(
            400, "BadRequest_RequiredParamNotProvided", "Field 'code' must not be blank or empty."
        )
    row["templateDisplayName"] = row["templateDisplayName"] or "GENERAL"


_PARENT_TYPES = {
    "salesOrders": "Sales Order", "salesOrderLines": "Sales Order Line",
    "salesInvoices": "Sales Invoice", "salesInvoiceLines": "Sales Invoice Line",
    "salesCreditMemos": "Sales Credit Memo", "salesCreditMemoLines": "Sales Credit Memo Line",
    "journalLines": "Journal Line", "customerPayments": "Journal Line",
}  # fmt: skip


def _insert_dimension(books: Books, row: Row, given: Set[str]) -> None:
    company = str(row["_company"])
    kind = _PARENT_TYPES.get(str(row.get("_below", "")))
    if kind is None:
        raise errors.dialog("You must get to the parent first to create a dimension set line.")
    if not given & {"id", "code"}:
        raise errors.dialog('The "id" or "code" field must be filled in.')
    if not given & {"valueId", "valueCode"}:
        raise errors.dialog('The "valueId" or "valueCode" field must be filled in.')
    dimensions = STANDARD["dimensions"]
    found = (
        books.find(dimensions, company, code=row["code"])
        if "code" in given
        else books.get(dimensions, company, str(row["id"]))
    )
    if found is None:
        raise errors.dialog('The "code" does not match to a Dimension.')
    values = books.children(STANDARD["dimensionValues"], company, str(found["id"]))
    value = next((each for each in values if row["valueCode"] == each["code"]
                  or row["valueId"] == each["id"]), None)  # fmt: skip
    if value is None:
        raise errors.dialog('The "valueCode" does not match to a Dimension Value.')
    row |= {
        "id": found["id"], "code": found["code"], "displayName": found["displayName"],
        "valueId": value["id"], "valueCode": value["code"],
        "valueDisplayName": value["displayName"], "parentId": row["_parent"],
        "parentType": kind.replace(" ", "_x0020_"),
    }  # fmt: skip


def _insert_customer(books: Books, row: Row, given: Set[str]) -> None:
    company = str(row["_company"])
    if not row["displayName"]:
        raise errors.dialog('A "displayName" must be provided.')
    if not row["number"]:
        row["number"] = books.next_number(company, "C", 30001)
    row["currencyCode"] = row["currencyCode"] or COMPANIES[company].currency
    row["_pricesIncludeTax"] = row["type"] == "Person"


def _customer_written(books: Books, row: Row) -> None:
    books.insert(
        STANDARD["customerFinancialDetails"],
        str(row["_company"]),
        {"id": row["id"], "number": row["number"]},
    )


def _insert_item(books: Books, row: Row, given: Set[str]) -> None:
    if "inventory" in given:
        raise errors.dialog("Inventory cannot be changed during on insert.")
    if not row["number"]:
        row["number"] = books.next_number(str(row["_company"]), "", 70001)
    _change_item(books, row, row, given)


def _change_item(books: Books, old: Row, row: Row, given: Set[str]) -> None:
    company = str(row["_company"])
    for name, table, text in (
        ("itemCategoryCode", "itemCategories", "Item Category"),
        ("baseUnitOfMeasureCode", "unitsOfMeasure", "Unit of Measure"),
    ):
        if name in given and row[name]:
            found = books.find(STANDARD[table], company, code=row[name])
            if found is None:
                raise errors.dialog(f'The "{name}" does not match to a {text}.')
            row[name.replace("Code", "Id")] = found["id"]
    if "inventory" in given and row["inventory"] != old["inventory"]:
        # A change of the total becomes an adjustment, without location, dated today.
        difference = Decimal(str(row["inventory"])) - Decimal(str(old["inventory"]))
        kind = "Positive_x0020_Adjmt_x002E_" if difference > 0 else "Negative_x0020_Adjmt_x002E_"
        row["inventory"] = old["inventory"]
        row["_adjust"] = float(difference)
        row["_adjust_kind"] = kind


def _item_changed(books: Books, row: Row) -> None:
    difference, kind = row.pop("_adjust", 0), row.pop("_adjust_kind", "")
    if difference:
        books.update(STANDARD["items"], row)
        move_stock(books, row, Decimal(str(difference)), str(kind))


def _insert_variant(books: Books, row: Row, given: Set[str]) -> None:
    items, company = STANDARD["items"], str(row["_company"])
    found = (
        books.find(items, company, number=row["itemNumber"])
        if "itemNumber" in given
        else books.get(items, company, str(row["_parent"] or row["itemId"]))
    )
    if found is None:
        raise errors.dialog('The "itemId" does not match to an Item.')
    row["itemId"] = row["_parent"] = found["id"]
    row["itemNumber"] = found["number"]


RULES: Mapping[str, Rules] = {
    "customerPayments": Rules(insert=_insert_line),
    "journalLines": Rules(insert=_insert_line),
    "journals": Rules(insert=_insert_journal, actions={"post": _post_journal}),
    "dimensionSetLines": Rules(insert=_insert_dimension),
    "customers": Rules(insert=_insert_customer, written=_customer_written),
    "items": Rules(insert=_insert_item, change=_change_item, changed=_item_changed),
    "itemVariants": Rules(insert=_insert_variant),
}
