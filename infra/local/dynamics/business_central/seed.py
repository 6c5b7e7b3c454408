"""The companies and the master data every new database begins with; all of it is fictitious."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from .books import NO_COMPANY, Books, Row
from .custom_entities import ALL
from .entities import STANDARD
from .types import Value


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    display_name: str
    currency: str
    decimals: int
    """Of amounts: the currency's minor units."""
    taxes: Mapping[str, Decimal]
    """Tax group -> percent."""

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.name))


def _company(
    name: str, place: str, currency: str, decimals: int, standard: str, reduced: str
) -> Company:
    taxes = {"STANDARD": Decimal(standard), "REDUCED": Decimal(reduced), "ZERO": Decimal(0)}
    return Company(name, f"Contoso Retail {place}", currency, decimals, taxes)


_ALL = (
    _company("usrt", "USA", "USD", 2, "6.25", "0"),
    _company("gbrt", "Great Britain", "GBP", 2, "20", "5"),
    _company("dert", "Germany", "EUR", 2, "19", "7"),
    _company("aert", "Emirates", "AED", 2, "5", "5"),
    _company("kwrt", "Kuwait", "KWD", 3, "0", "0"),
    _company("jprt", "Japan", "JPY", 0, "10", "8"),
)
COMPANIES: Mapping[str, Company] = {each.id: each for each in _ALL}
"""By id."""

_CODES = {
    "itemCategories": {"DRINKS": "Drinks", "CLOTHES": "Clothes"},
    "unitsOfMeasure": {"PCS": "Piece", "BOX": "Box", "KG": "Kilogram"},
    "paymentMethods": {"CASH": "Cash", "CARD": "Card"},
    "locations": {"MAIN": "Main warehouse", "STORE1": "Store 1", "STORE2": "Store 2"},
    "dimensions": {"STORE": "Store", "DEPARTMENT": "Department"},
    "customerPaymentJournals": {"POS": "Payments of the tills"},
    "journals": {"DEFAULT": "Default journal"},
}
_VALUES = {"STORE": ("S1", "S2"), "DEPARTMENT": ("SALES", "ADMIN")}
_ITEMS = (
    ("10001", "Coffee beans, 1 kg", "DRINKS", "24.90", "REDUCED", "4006381333931"),
    ("10002", "Mug", "DRINKS", "9.95", "STANDARD", "4006381333948"),
    ("10003", "T-shirt", "CLOTHES", "19.99", "STANDARD", "4006381333955"),
    ("10004", "Socks", "CLOTHES", "4.50", "STANDARD", "4006381333962"),
    ("10005", "Gift wrapping", "", "2.00", "ZERO", ""),
)
_VARIANTS = {"10003": {"RED-M": "T-shirt, red, M", "BLUE-L": "T-shirt, blue, L"}}
_CUSTOMERS = (
    ("CASH", "Walk-in customer", "Person", True),
    ("C10001", "Ada Example", "Person", True),
    ("C20001", "Example Trading", "Company", False),
)
_VENDORS = (("V10001", "Example Supplies"), ("V10002", "Sample Imports"))
_ACCOUNTS = {
    "2310": "Customers", "2910": "Cash", "2920": "Bank", "5610": "Tax", "6110": "Sales",
    "6910": "Rounding", "8110": "Differences",
}  # fmt: skip
_CURRENCIES = {each.currency: each.decimals for each in _ALL}


def seed(books: Books) -> None:
    """Fill a database that has no companies."""
    if books.rows(STANDARD["companies"], NO_COMPANY):
        return
    with books.transaction():
        for company in _ALL:
            row: dict[str, Value] = {
                "id": company.id, "name": company.name, "displayName": company.display_name,
                "systemVersion": "26.0.0.0", "systemCreatedAt": books.now(),
                "systemModifiedAt": books.now(),
            }  # fmt: skip
            books.insert(STANDARD["companies"], NO_COMPANY, row)
            _seed_company(books, company)


def _seed_company(books: Books, company: Company) -> None:
    def insert(name: str, **row: Value) -> dict[str, Value]:
        # The same id in every new database, so that what a team wrote down stays true.
        natural = "/".join(map(str, row.values()))
        row["id"] = str(uuid.uuid5(uuid.UUID(company.id), f"{name}/{natural}"))
        return books.insert(ALL[name], company.id, row)

    insert("companyInformation", displayName=company.display_name, currencyCode=company.currency)
    ids: dict[tuple[str, str], Value] = {}
    for name, codes in _CODES.items():
        for code, text in codes.items():
            ids[name, code] = insert(name, code=code, displayName=text)["id"]
    for code, values in _VALUES.items():
        for value in values:
            insert("dimensionValues", dimensionId=ids["dimensions", code], code=value,
                   displayName=value.capitalize())  # fmt: skip
    for code, decimals in _CURRENCIES.items():
        if code != company.currency:
            insert("currencies", code=code, displayName=code,
                   amountDecimalPlaces=f"{decimals}:{decimals}",
                   amountRoundingPrecision=float(Decimal(1).scaleb(-decimals)))  # fmt: skip
    for number, text in _ACCOUNTS.items():
        insert("accounts", number=number, displayName=text, directPosting=True)
    _seed_items(insert, company, ids)
    for number, name, kind, includes in _CUSTOMERS:
        customer = insert("customers", number=number, displayName=name, type=kind,
                          currencyCode=company.currency, _pricesIncludeTax=includes)  # fmt: skip
        books.insert(ALL["customerFinancialDetails"], company.id,
                     {"id": customer["id"], "number": number})  # fmt: skip
    for number, name in _VENDORS:
        insert("vendors", number=number, displayName=name, currencyCode=company.currency)


def _seed_items(
    insert: Callable[..., Row], company: Company, ids: Mapping[tuple[str, str], Value]
) -> None:
    for number, text, category, price, tax, gtin in _ITEMS:
        item = insert(
            "items", number=number, displayName=text, itemCategoryCode=category,
            itemCategoryId=ids.get(("itemCategories", category), ""), gtin=gtin,
            type="Inventory" if category else "Service", unitPrice=float(price),
            taxGroupCode=tax, baseUnitOfMeasureCode="PCS",
            baseUnitOfMeasureId=ids["unitsOfMeasure", "PCS"],
        )  # fmt: skip
        for code, described in _VARIANTS.get(number, {}).items():
            insert("itemVariants", itemId=item["id"], itemNumber=number, code=code,
                   description=described)  # fmt: skip
        insert("itemPrices", itemNumber=number, unitOfMeasureCode="PCS",
               currencyCode=company.currency, unitPrice=float(price), priceIncludesTax=True,
               startingDate="2026-01-01")  # fmt: skip
