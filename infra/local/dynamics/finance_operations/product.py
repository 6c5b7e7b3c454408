"""Finance & Operations put together from its parts."""

from __future__ import annotations

from functools import partial

from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.product import Product, ProductContext

from . import errors
from .entity_sets import ENTITY_SETS
from .errors import ODataError
from .inspection import inspection_routes
from .master_data import seed
from .operations import JSON_TYPE, Operations
from .routes import Service, routes
from .transactions import Transactions

_REFUSALS = {429: errors.throttled, 503: errors.unavailable, 500: errors.internal}


def open_product(context: ProductContext) -> Product:
    """Raises odata.store.StoreUnusable when its database cannot be opened."""
    store = EntityStore(context.data / "finance-operations.sqlite", list(ENTITY_SETS.values()))
    seed(store)
    operations = Operations(store, strict_operating_units=context.strict_operating_units)
    service = Service(
        tokens=context.tokens,
        transactions=Transactions(store, operations, context.faults),
        counts=context.counts,
    )
    return Product(
        name="finance-operations",
        base_path="/data",
        routes=routes(service),
        inspection=inspection_routes(store),
        refuse=_refuse,
        reset=partial(_reset, store),
        close=store.close,
    )


def _reset(store: EntityStore) -> None:
    store.clear(list(ENTITY_SETS.values()))
    seed(store)


def _refuse(status: int, retry_after: int | None, code: str = "") -> tuple[dict[str, str], bytes]:
    error: ODataError = _REFUSALS[status]()
    headers = {"Content-Type": JSON_TYPE, "OData-Version": "4.0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return headers, error.body
