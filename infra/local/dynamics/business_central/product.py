"""Business Central put together from its parts."""

from __future__ import annotations

import json
from functools import partial

from infra.local.dynamics.odata.inspection import StoredEntities
from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.product import Product, ProductContext

from . import errors
from .books import Books, tables
from .custom_entities import ALL
from .messages import JSON_TYPE
from .routes import CLOUD, ON_PREMISES, Service, routes
from .seed import seed
from .subscriptions import PRODUCT, publish


def open_product(context: ProductContext) -> Product:
    """Raises odata.store.StoreUnusable when its database cannot be opened."""
    store = EntityStore(context.data / "business-central.sqlite", tables())
    books = Books(store, context.clock)
    seed(books)
    books.on_change = partial(publish, context.webhooks)
    service = Service(context.tokens, books, context.faults, context.counts, context.webhooks)
    return Product(
        name=PRODUCT,
        base_path=CLOUD,
        further_paths=(ON_PREMISES,),
        routes=routes(service),
        inspection=(),
        refuse=_refuse,
        reset=partial(_reset, books),
        close=store.close,
        entities=StoredEntities(store, [each.table for each in ALL.values()]),
    )


def _reset(books: Books) -> None:
    books.store.clear(tables())
    heard, books.on_change = books.on_change, lambda _: None
    seed(books)
    books.on_change = heard


def _refuse(status: int, retry_after: int | None, code: str = "") -> tuple[dict[str, str], bytes]:
    headers = {"Content-Type": JSON_TYPE, "OData-Version": "4.0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return headers, json.dumps(errors.refusal(status).body).encode()
