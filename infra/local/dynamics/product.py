"""What a simulated product is to the process that serves it.

Each product is a package beside `finance_operations/` with a function `open_product(context)`; it
brings its routes below its own base path, its own rules, errors and database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.routing import BaseRoute

from .counts import Counts
from .faults import FaultPlan
from .identity.tokens import TokenAuthority

Clock = Callable[[], datetime]
"""Returns the current moment as an aware UTC datetime."""


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
    strict_operating_units: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    name: str
    base_path: str
    """Such as `/data`; requests below it are counted and meet the faults."""
    routes: Sequence[BaseRoute]
    inspection: Sequence[BaseRoute]
    """Pages below `/_simulator`."""
    refuse: Callable[[int, int | None], tuple[dict[str, str], bytes]]
    """Headers and body of the product's answer for a status and its Retry-After seconds."""
    reset: Callable[[], None]
    """Back to the rows of a new database."""
    close: Callable[[], None]
