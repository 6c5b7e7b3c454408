"""Dataverse put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from infra.local.dynamics.product import Product, ProductContext

from . import errors
from .errors import JSON_TYPE
from .master_data import seed
from .operations import Operations
from .representation import members
from .routes import Service, routes
from .rows import Rows
from .steps import PRODUCT, Steps
from .tables import TABLES
from .tracking import Tracking
from .transactions import Transactions


def open_product(context: ProductContext) -> Product:
    """Raises odata.store.StoreUnusable when its database cannot be opened."""
    rows = Rows(context.data / "dataverse.sqlite")
    seed(rows)
    operations = Operations(rows, context.clock)
    steps = Steps(rows, context.webhooks, context.clock)
    tracking = Tracking(rows, operations, context.clock)
    service = Service(
        tokens=context.tokens,
        transactions=Transactions(rows, operations, tracking, steps, context.faults),
        counts=context.counts,
    )
    return Product(
        name=PRODUCT,
        base_path="/api/data",
        routes=routes(service),
        inspection=(),
        refuse=_refuse,
        reset=partial(_reset, rows, steps),
        close=rows.close,
        entities=_Shown(rows),
    )


def _reset(rows: Rows, steps: Steps) -> None:
    rows.clear()
    seed(rows)
    steps.refresh()


def _refuse(status: int, retry_after: int | None, code: str = "") -> tuple[dict[str, str], bytes]:
    error = {429: lambda: errors.throttled(code), 503: errors.unavailable, 500: errors.internal}
    headers = {"Content-Type": JSON_TYPE, "OData-Version": "4.0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return headers, error[status]().body


class _Shown:
    """Implements product.Entities."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def counts(self) -> Mapping[str, int]:
        counts = self._rows.counts()
        return {name: counts.get(table.logical, 0) for name, table in TABLES.items()}

    def rows(self, name: str, skip: int, top: int) -> Sequence[Mapping[str, object]]:
        table = TABLES[name]
        found = self._rows.select(table, "1", "version", top, skip, ())
        return [members(table, each) for each in found]
