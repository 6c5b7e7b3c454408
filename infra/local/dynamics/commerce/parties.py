"""`Customers` and `GiftCards`: reads. Members: Retail SDK's Customer, GlobalCustomer, GiftCard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .books import Books
from .errors import missing, not_found
from .seed import CUSTOMERS, Channel, Customer

Row = dict[str, object]

_PERSON, _ORGANIZATION = 1, 2
_FIELDS: dict[str, Callable[[Customer], str]] = {
    "Default": lambda each: f"{each.account} {_name(each)} {each.email} {each.phone}",
    "Name": lambda each: _name(each),
    "Email": lambda each: each.email,
    "Phone": lambda each: each.phone,
    "AccountNumber": lambda each: each.account,
}
"""Search fields by name; which a channel has is asked by GetCustomerSearchFields on a tenant."""


def search_by_fields(channel: Channel, body: Mapping[str, Any]) -> list[Row]:
    """The customers whose field has the term in it, for every criterion."""
    asked = body.get("CustomerSearchByFieldCriteria")
    if not isinstance(asked, dict) or not isinstance(asked.get("Criteria"), list):
        raise missing("CustomerSearchByFieldCriteria")
    found = list(CUSTOMERS)
    for each in asked["Criteria"]:
        name = (each.get("SearchField") or {}).get("Name")
        if name not in _FIELDS:
            raise not_found(f"The search field '{name}'")
        term = str(each.get("SearchTerm") or "").casefold()
        if not term:
            raise missing("SearchTerm")
        found = [customer for customer in found if term in _FIELDS[name](customer).casefold()]
    return [
        {
            "PartyNumber": f"P-{customer.account}",
            "RecordId": 0,
            "AccountNumber": customer.account,
            "FullName": _name(customer),
            "FullAddress": "",
            "Phone": customer.phone,
            "Email": customer.email,
            "CustomerTypeValue": _kind(customer),
            "ExtensionProperties": [],
        }
        for customer in found
    ]


def customer(channel: Channel, account: str) -> Row:
    found = {each.account.casefold(): each for each in CUSTOMERS}.get(account.casefold())
    if found is None:
        raise not_found(f"The customer '{account}'")
    return {
        "AccountNumber": found.account,
        "FirstName": found.first_name,
        "LastName": found.last_name,
        "Name": _name(found),
        "CustomerTypeValue": _kind(found),
        "CustomerGroup": found.group,
        "CurrencyCode": channel.currency,
        "Language": "en-us",
        "Email": found.email,
        "Phone": found.phone,
        "Addresses": [
            {
                "Street": "Example Street",
                "StreetNumber": "1",
                "City": "Exampleton",
                "ZipCode": "10002",
                "ThreeLetterISORegionName": "USA",
                "IsPrimary": True,
                "ExtensionProperties": [],
            }
        ],
        "ExtensionProperties": [],
    }


def gift_card(books: Books, channel: Channel, body: Mapping[str, Any]) -> Row:
    card = body.get("giftCardId")
    if not isinstance(card, str) or not card:
        raise missing("giftCardId")
    balance = books.gift_card(channel, card)
    if balance is None:
        raise not_found(f"The gift card '{card}'")
    return {
        "Id": card,
        "Balance": balance,
        "BalanceCurrencyCode": channel.currency,
        "BalanceInCardCurrency": balance,
        "CardCurrencyCode": channel.currency,
        "ExtensionProperties": [],
    }


def _name(customer: Customer) -> str:
    return f"{customer.first_name} {customer.last_name}".strip()


def _kind(customer: Customer) -> int:
    return _PERSON if customer.is_person else _ORGANIZATION
