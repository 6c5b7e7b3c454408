"""What a simulated product is to the process that serves it.

Each product is a package beside `finance_operations/` with a function `open_product(context)`; it
brings its routes below its own base path, its own rules, errors and database. What happens to whole
requests (limits, faults) is done in front of it. Its own part in the script of faults: before each
changeset or single write it asks `context.faults.take(WRITE_KINDS, method, path, company=...)`,
before each read of a delta link `take(READ_KINDS, ...)`, and refuses in its own words what it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starlette.routing import BaseRoute

from .clock import Clock
from .counts import Counts
from .faults import FaultPlan
from .identity.tokens import TokenAuthority
from .webhooks import Webhooks


class Refuse(Protocol):
    def __call__(
        self, status: int, retry_after: int | None, code: str = ""
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of the product's answer 429, 503 or 500, with its Retry-After seconds.

        `code` is the product's own for the limit that was passed (see limits.py); empty for faults.
        """
        ...


class Entities(Protocol):
    """A product's stored rows, for `/_simulator/entities`."""

    def counts(self) -> Mapping[str, int]:
        """Rows by entity set."""
        ...

    def rows(self, name: str, skip: int, top: int) -> Sequence[Mapping[str, object]]:
        """Rows of one set in the order they came. Raises KeyError for an unknown name."""
        ...


class ConnectionDropped(Exception):
    """Raised by a product to break the connection without an answer, as a scripted fault asks."""


@dataclass(frozen=True, slots=True)
class ProductContext:
    data: Path
    """The directory for the product's files; it exists."""
    tokens: TokenAuthority
    faults: FaultPlan
    counts: Counts
    clock: Clock
    webhooks: Webhooks
    strict_operating_units: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    name: str
    """finance-operations, business-central, dataverse, inventory-visibility or commerce."""
    base_path: str
    """Such as `/data`; requests below it meet the limits and the faults."""
    routes: Sequence[BaseRoute]
    inspection: Sequence[BaseRoute]
    """Pages below `/_simulator`."""
    refuse: Refuse
    reset: Callable[[], None]
    """Back to the rows of a new database."""
    close: Callable[[], None]
    entities: Entities | None = None
    further_paths: Sequence[str] = ()
    """Base paths beside the first, such as `/api/services`."""
