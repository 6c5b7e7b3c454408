"""Every field the adapters write and read, for `metadata check`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.dynamics.fields import EntityFields
from shared.dynamics.finance_operations import (
    cards,
    customers,
    item_prices,
    ledger,
    master_data,
    prices,
    sales_documents,
    stock,
)
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.retail_fields import RETAIL_FIELDS
from shared.dynamics.settings import DynamicsSettings

_CUSTOMERS = replace(
    customers.CUSTOMERS,
    read=(*customers.CUSTOMERS.read, item_prices.PRICE_GROUP),
    used_by=(*customers.CUSTOMERS.used_by, "ItemPrices.of_items"),
)
_ENTITIES: tuple[Entity[Any], ...] = (
    sales_documents.RETURN_HEADER,
    sales_documents.RETURN_LINES,
    *(each for kind in (ledger.PAYMENT, ledger.JOURNAL) for each in (kind.header, kind.lines)),
    *(each for kind in stock.JOURNALS for each in (kind.header, kind.lines)),
    stock.ON_HAND,
    prices.HEADER,
    prices.LINES,
    _CUSTOMERS,
    cards.ADJUSTMENTS,
    cards.LOYALTY_CARDS,
    cards.REWARDS,
    cards.GIFT_CARDS,
    cards.GIFT_CARD_ENTRIES,
    *master_data.READ,
)
_OTHERS = tuple(entity.fields for entity in _ENTITIES)


def fields_for(settings: DynamicsSettings) -> tuple[EntityFields, ...]:
    """Return those of the versions of entities the settings choose."""
    orders = (
        sales_documents.order_header(settings.sales_order_headers).fields,
        sales_documents.order_lines(settings.sales_order_lines).fields,
    )
    return (*RETAIL_FIELDS, *orders, *_OTHERS)


FIELDS: tuple[EntityFields, ...] = (
    *RETAIL_FIELDS,
    sales_documents.order_header("SalesOrderHeadersV4").fields,
    sales_documents.order_lines("SalesOrderLinesV3").fields,
    *_OTHERS,
)
"""Those of the default settings."""
