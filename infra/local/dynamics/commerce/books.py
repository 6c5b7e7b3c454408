"""Orders, customers, gift cards and stock of the channels, in SQLite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.store import DuplicateKey, EntityStore

from .errors import duplicate
from .seed import CHANNELS, GIFT_CARDS, PRODUCTS, STOCK, Channel

Document = dict[str, Any]

ORDERS = EntitySet("SalesOrders", "", "", "", ("company", "Id"), {})
"""company, Id, ChannelReferenceId, document (JSON text)."""
GIFT_CARD_SET = EntitySet("GiftCards", "", "", "", ("company", "Id"), {})
STOCK_SET = EntitySet("Availability", "", "", "", ("company", "product", "warehouse"), {})
SETS = (ORDERS, GIFT_CARD_SET, STOCK_SET)

_REFERENCE = "body ->> '$.company', body ->> '$.ChannelReferenceId'"


class Books:
    def __init__(self, store: EntityStore) -> None:
        self._store = store
        store.index(ORDERS, _REFERENCE)
        self.seed()

    def seed(self) -> None:
        """Fill a database that has no gift cards."""
        if self._store.count(GIFT_CARD_SET, "1", ()):
            return
        with self._store.transaction():
            for company in {channel.company for channel in CHANNELS.values()}:
                for card, balance in GIFT_CARDS.items():
                    row: Row = {"company": company, "Id": card, "Balance": balance}
                    self._store.insert(GIFT_CARD_SET, (company, card), row)
                for product in PRODUCTS:
                    for warehouse, quantity in STOCK.items():
                        self._put_stock(company, product.id, warehouse, quantity)

    def reset(self) -> None:
        self._store.clear(SETS)
        self.seed()

    def transaction(self) -> AbstractContextManager[None]:
        return self._store.transaction()

    def add_order(self, channel: Channel, document: Document) -> None:
        """Raises CommerceError for an Id that is taken ([U]); what was sold leaves the stock."""
        key = (channel.company, str(document["Id"]))
        row: Row = {
            "company": channel.company,
            "Id": str(document["Id"]),
            "ChannelReferenceId": str(document.get("ChannelReferenceId") or ""),
            "document": json.dumps(document),
        }
        try:
            self._store.insert(ORDERS, key, row)
        except DuplicateKey as error:
            raise duplicate(key[1]) from error
        for line in document["SalesLines"]:
            warehouse = line.get("InventoryLocationId") or document.get("InventoryLocationId", "")
            key_of = (channel.company, int(line["ProductId"]), warehouse)
            if self._store.has(STOCK_SET, key_of):
                self._put_stock(*key_of, self.stock(*key_of) - float(line["Quantity"]))

    def order(self, channel: Channel, identifier: str) -> Document | None:
        stored = self._store.get(ORDERS, (channel.company, identifier))
        return None if stored is None else _document(stored.values())

    def order_by_reference(self, channel: Channel, reference: str) -> Document | None:
        where = "body ->> '$.company' = ? AND body ->> '$.ChannelReferenceId' = ?"
        found = self._store.select(ORDERS, where, "", 1, 0, (channel.company, reference))
        return _document(found[0].values()) if found else None

    def gift_card(self, channel: Channel, card: str) -> float | None:
        stored = self._store.get(GIFT_CARD_SET, (channel.company, card))
        return None if stored is None else float(stored.values()["Balance"])

    def stock(self, company: str, product: int, warehouse: str) -> float:
        stored = self._store.get(STOCK_SET, (company, product, warehouse))
        return 0.0 if stored is None else float(stored.values()["quantity"])

    def _put_stock(self, company: str, product: int, warehouse: str, quantity: float) -> None:
        key = (company, product, warehouse)
        row: Row = {
            "company": company,
            "product": product,
            "warehouse": warehouse,
            "quantity": round(quantity, 6),
        }
        if self._store.has(STOCK_SET, key):
            self._store.update(STOCK_SET, key, row)
        else:
            self._store.insert(STOCK_SET, key, row)


def _document(row: Mapping[str, object]) -> Document:
    document: Document = json.loads(str(row["document"]))
    return document
