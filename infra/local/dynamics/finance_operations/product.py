"""Finance & Operations put together from its parts."""

from __future__ import annotations

from functools import partial

from infra.local.dynamics.odata.inspection import StoredEntities
from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.product import Product, ProductContext

from . import errors
from .bodies import JSON_TYPE
from .business_events import BusinessEvents
from .entity_sets import ENTITY_SETS
from .errors import ODataError
from .indexes import index
from .inspection import inspection_routes
from .operations import Operations
from .packages import EXECUTIONS, Packages
from .posting import Posting
from .routes import Service, routes
from .rows import NUMBER_SEQUENCES, Rows
from .seeding import seed
from .services import CustomServices
from .transactions import Transactions

_STORED = [*ENTITY_SETS.values(), NUMBER_SEQUENCES, EXECUTIONS]
_REFUSALS = {429: errors.throttled, 503: errors.unavailable, 500: errors.internal}


def open_product(context: ProductContext) -> Product:
    """Raises odata.store.StoreUnusable when its database cannot be opened."""
    store = EntityStore(context.data / "finance-operations.sqlite", _STORED)
    index(store)
    seed(store)
    operations = Operations(store, strict_operating_units=context.strict_operating_units)
    events = BusinessEvents(store, context.webhooks, context.clock)
    posting = Posting(Rows(store), context.clock)
    service = Service(
        tokens=context.tokens,
        transactions=Transactions(store, operations, context.faults),
        counts=context.counts,
        packages=Packages(store, operations, context.clock),
        custom_services=CustomServices(store, posting, events, context.faults),
    )
    return Product(
        name="finance-operations",
        base_path="/data",
        routes=routes(service),
        inspection=[*inspection_routes(store), *events.routes()],
        refuse=_refuse,
        reset=partial(_reset, store),
        close=store.close,
        entities=StoredEntities(store, ENTITY_SETS.values()),
        further_paths=("/api/services", "/data_blob"),
    )


def _reset(store: EntityStore) -> None:
    store.clear(_STORED)
    seed(store)


def _refuse(status: int, retry_after: int | None, code: str = "") -> tuple[dict[str, str], bytes]:
    error: ODataError = _REFUSALS[status]()
    headers = {"Content-Type": JSON_TYPE, "OData-Version": "4.0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return headers, error.body
