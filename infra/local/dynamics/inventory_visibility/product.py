"""Inventory Visibility put together from its parts."""

from __future__ import annotations

from infra.local.dynamics.odata.inspection import StoredEntities
from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.product import Product, ProductContext

from .books import SETS, Books
from .errors import Refused
from .routes import BASE_PATH, Service
from .security import BASE_PATH as SECURITY_PATH
from .security import SecurityService

_TEXTS = {
    429: "Too many requests.",
    503: "The service is unavailable.",
    500: "An internal error occurred.",
}


def open_product(context: ProductContext) -> Product:
    """Raises odata.store.StoreUnusable when its database cannot be opened."""
    store = EntityStore(context.data / "inventory-visibility.sqlite", SETS)
    books = Books(store)
    security = SecurityService(context.tokens, context.counts)
    service = Service(books, context.tokens, context.faults, context.counts)
    return Product(
        name="inventory-visibility",
        base_path=BASE_PATH,
        further_paths=(SECURITY_PATH,),
        routes=[*service.routes(), *security.routes()],
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
    return headers, Refused(_TEXTS[status], status).body
