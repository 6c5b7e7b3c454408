"""Commerce put together from its parts."""

from __future__ import annotations

from infra.local.dynamics.odata.inspection import StoredEntities
from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.product import Product, ProductContext

from . import errors
from .books import SETS, Books
from .routes import BASE_PATH, RetailServer


def open_product(context: ProductContext) -> Product:
    """Raises odata.store.StoreUnusable when its database cannot be opened."""
    store = EntityStore(context.data / "commerce.sqlite", SETS)
    books = Books(store)
    server = RetailServer(books, context.tokens, context.faults, context.counts)
    return Product(
        name="commerce",
        base_path=BASE_PATH,
        routes=server.routes(),
        inspection=(),
        refuse=_refuse,
        reset=books.reset,
        close=store.close,
        entities=StoredEntities(store, SETS),
    )


def _refuse(status: int, retry_after: int | None, code: str = "") -> tuple[dict[str, str], bytes]:
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return headers, errors.whole(status).body
