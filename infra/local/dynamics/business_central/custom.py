"""The retail custom API: documents under a unique POS key, stock by location, prices.

The contract, which an extension must keep too: `shared/dynamics/business_central/custom_api.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from decimal import Decimal

from . import errors, posting
from .books import Books, Row
from .custom_entities import CUSTOM
from .documents import INVOICE, MEMO, Kind
from .entities import STANDARD
from .ledger import move_stock
from .rules import Rules
from .types import EMPTY_GUID

_TARGETS = {"Invoice": INVOICE, "Credit_x0020_Memo": MEMO}


def _insert_document(books: Books, row: Row, given: Set[str]) -> None:
    if not row["posKey"]:
        raise errors.dialog('A "posKey" must be provided.')
    company = str(row["_company"])
    if books.find(STANDARD["customers"], company, number=row["customerNumber"]) is None:
        raise errors.not_related("Customer No.", "POS Document", row["customerNumber"], "Customer")
    row["status"], row["documentId"], row["documentNumber"] = "New", EMPTY_GUID, ""


def _insert_line(books: Books, row: Row, given: Set[str]) -> None:
    company = str(row["_company"])
    row["documentId"] = row["_parent"]
    if number := row["accountNumber"]:
        if books.find(STANDARD["accounts"], company, number=number) is None:
            raise errors.not_related("Account No.", "POS Document Line", number, "G/L Account")
        return
    _check_item(books, company, row, "POS Document Line")


def _check_item(books: Books, company: str, row: Row, table: str) -> Row:
    item = books.find(STANDARD["items"], company, number=row["itemNumber"])
    if item is None:
        raise errors.not_related("Item No.", table, row["itemNumber"], "Item")
    variant = row["variantCode"]
    variants = STANDARD["itemVariants"]
    if variant and not books.find(variants, company, itemNumber=row["itemNumber"], code=variant):
        raise errors.not_related("Variant Code", table, variant, "Item Variant")
    for name in ("locationCode", "newLocationCode"):
        code = row.get(name, "")
        if code and books.find(STANDARD["locations"], company, code=code) is None:
            raise errors.not_related("Location Code", table, code, "Location")
    return item


def _book(books: Books, row: Row) -> None:
    """Create and post the document; booking what is booked changes nothing."""
    if row["status"] == "Booked":
        return
    company = str(row["_company"])
    kind = _TARGETS[str(row["documentType"])]
    header = _make_header(books, company, row, kind)
    insert_line = posting.RULES[kind.lines].insert
    for line in books.children(CUSTOM["posDocumentLines"], company, str(row["id"])):
        made = _line(books, company, header, kind.lines, line)
        insert_line(books, made, {"lineObjectNumber", "lineType", "unitPrice"})
        books.insert(STANDARD[kind.lines], company, made)
    posting.RULES[kind.header].refresh(books, header)
    _check_total(row, header)
    posting.post(kind)(books, header)
    row["status"], row["documentId"], row["documentNumber"] = (
        "Booked", header["id"], header["number"],
    )  # fmt: skip
    for name in ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax"):
        row[name] = header[name]
    books.update(CUSTOM["posDocuments"], row)


def _check_total(row: Row, header: Row) -> None:
    name = f"totalAmount{'Including' if row['pricesIncludeTax'] else 'Excluding'}Tax"
    total, expected = Decimal(str(header[name])), Decimal(str(row["expectedTotal"]))
    if abs(total - expected) > Decimal(str(row["tolerance"])):
        raise errors.dialog(
            f"The total of POS document {row['posKey']} is {total}, {expected} was expected."
        )


def _make_header(books: Books, company: str, row: Row, kind: Kind) -> Row:
    entity = STANDARD[kind.header]
    values: Row = {name: field.default for name, field in entity.fields.items()}
    values |= {
        "_company": company, "customerNumber": row["customerNumber"],
        "currencyCode": row["currencyCode"], kind.day: row["documentDate"],
        "postingDate": row["documentDate"], "externalDocumentNumber": str(row["posKey"])[:35],
        "pricesIncludeTax": row["pricesIncludeTax"],
    }  # fmt: skip
    given = {"customerNumber", "pricesIncludeTax"}
    if row["appliesToPosKey"]:
        applied = books.find(CUSTOM["posDocuments"], company, posKey=row["appliesToPosKey"])
        if applied is None or applied["status"] != "Booked":
            raise errors.not_related("Applies-to POS Key", "POS Document", row["appliesToPosKey"],
                                     "POS Document")  # fmt: skip
        values["invoiceId"] = applied["documentId"]
        given.add("invoiceId")
    posting.RULES[kind.header].insert(books, values, given)
    return books.insert(entity, company, values)


def _line(books: Books, company: str, header: Row, name: str, line: Row) -> Row:
    made: Row = {each: field.default for each, field in STANDARD[name].fields.items()}
    codes: tuple[tuple[str, str, str, Row], ...] = (
        ("itemVariantId", "itemVariants", "variantCode", {"itemNumber": line["itemNumber"]}),
        ("locationId", "locations", "locationCode", {}),
    )
    for target, table, source, further in codes:
        if line[source]:
            found = books.find(STANDARD[table], company, code=line[source], **further)
            made[target] = EMPTY_GUID if found is None else found["id"]
    same = (
        "unitOfMeasureCode",
        "description",
        "quantity",
        "unitPrice",
        "discountAmount",
        "taxCode",
    )
    made |= {each: line[each] for each in same}
    made |= {
        "_company": company, "_parent": header["id"],
        "lineType": "Account" if line["accountNumber"] else "Item",
        "lineObjectNumber": line["accountNumber"] or line["itemNumber"],
        "sequence": int(line["lineNumber"]) * 10_000,
    }  # fmt: skip
    return made


def _insert_movement(books: Books, row: Row, given: Set[str]) -> None:
    company = str(row["_company"])
    if not row["entryKey"]:
        raise errors.dialog('An "entryKey" must be provided.')
    item = _check_item(books, company, row, "Stock Movement")
    if item["type"] != "Inventory":
        raise errors.dialog("You cannot move an item that has no inventory.")
    if row["movementType"] == "Transfer" and not row["newLocationCode"]:
        raise errors.dialog('A transfer needs a "newLocationCode".')


def _movement_written(books: Books, row: Row) -> None:
    company, quantity = str(row["_company"]), Decimal(str(row["quantity"]))
    number: Row = {"number": row["itemNumber"], "_company": company}
    if row["movementType"] == "Transfer":
        _add(books, row, str(row["locationCode"]), -quantity)
        _add(books, row, str(row["newLocationCode"]), quantity)
        return
    if row["movementType"] == "Count":
        quantity -= _there(books, row)
    if quantity:
        _add(books, row, str(row["locationCode"]), quantity)
        sign = "Positive" if quantity > 0 else "Negative"
        move_stock(books, number, quantity, f"{sign}_x0020_Adjmt_x002E_")


def _stock(books: Books, row: Row, location: str) -> Row | None:
    return books.find(CUSTOM["locationStocks"], str(row["_company"]), itemNumber=row["itemNumber"],
                      variantCode=row["variantCode"], locationCode=location)  # fmt: skip


def _there(books: Books, row: Row) -> Decimal:
    found = _stock(books, row, str(row["locationCode"]))
    return Decimal() if found is None else Decimal(str(found["inventory"]))


def _add(books: Books, row: Row, location: str, quantity: Decimal) -> None:
    entity = CUSTOM["locationStocks"]
    found = _stock(books, row, location)
    if found is None:
        made: Row = {"itemNumber": row["itemNumber"], "variantCode": row["variantCode"],
                     "locationCode": location}  # fmt: skip
        found = books.insert(entity, str(row["_company"]), made)
    found["inventory"] = float(Decimal(str(found["inventory"])) + quantity)
    found["available"] = found["inventory"]
    books.update(entity, found)


RULES: Mapping[str, Rules] = {
    "posDocuments": Rules(insert=_insert_document, actions={"book": _book}),
    "posDocumentLines": Rules(insert=_insert_line),
    "stockMovements": Rules(insert=_insert_movement, written=_movement_written),
}
