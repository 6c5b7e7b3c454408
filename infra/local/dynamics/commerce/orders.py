"""`SalesOrders`: upload of what was sold, and its look-up.

Members: a captured upload of Microsoft's headless commerce lab. What an upload is checked for, and
that a second one under the same Id is refused, is guessed ([U]).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .books import Books, Document
from .errors import invalid, missing, not_found
from .seed import PRODUCTS, Channel

_REQUIRED = ("Id", "CurrencyCode", "StoreId", "TerminalId", "TotalAmount", "BeginDateTime")
_ITEMS = {product.item: product.id for product in PRODUCTS}
_MAX_ID = 44
"""Characters of a transaction id."""


def upload(books: Books, channel: Channel, body: Mapping[str, Any]) -> Document:
    """Raises CommerceError."""
    for name in _REQUIRED:
        if body.get(name) in (None, ""):
            raise missing(name)
    if len(str(body["Id"])) > _MAX_ID:
        raise invalid(f"'Id' has more than {_MAX_ID} characters.")
    if body.get("ChannelId") != channel.id:
        raise invalid(f"'{body.get('ChannelId')}' is not the channel of the operating unit.")
    if body["StoreId"] != channel.store:
        raise not_found(f"The store '{body['StoreId']}'")
    if body["CurrencyCode"] != channel.currency:
        raise invalid(f"The channel's currency is {channel.currency}.")
    _check_lines(body.get("SalesLines"))
    paid = sum(Decimal(str(each["Amount"])) for each in body.get("TenderLines") or ())
    if Decimal(str(body.get("AmountPaid", 0))) != paid:
        raise invalid("'AmountPaid' is not the sum of the tender lines.")
    document = {**body, "SalesId": "", "@odata.context": "$metadata#SalesOrders/$entity"}
    books.add_order(channel, document)
    return document


def _check_lines(lines: object) -> None:
    if not isinstance(lines, list) or not lines:
        raise missing("SalesLines")
    for line in lines:
        item = line.get("ItemId")
        if item not in _ITEMS:
            raise not_found(f"The item '{item}'")
        if line.get("ProductId") != _ITEMS[item]:
            raise invalid(f"'{line.get('ProductId')}' is not the product of item '{item}'.")
        if not isinstance(line.get("Quantity"), int | float):
            raise missing("Quantity")


def by_reference(books: Books, channel: Channel, body: Mapping[str, Any]) -> Document:
    criteria = body.get("channelReferenceLookupCriteria")
    reference = criteria.get("ChannelReferenceId") if isinstance(criteria, dict) else None
    if not reference:
        raise missing("channelReferenceLookupCriteria")
    found = books.order_by_reference(channel, str(reference))
    if found is None:
        raise not_found(f"The order '{reference}'")
    return found


def by_id(books: Books, channel: Channel, identifier: str) -> Document:
    found = books.order(channel, identifier)
    if found is None:
        raise not_found(f"The order '{identifier}'")
    return found
