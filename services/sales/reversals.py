"""The opposite of what was booked: the same goods and money, the other way. Pure.

The opposite of a sale is a return of all its lines, that of a return a sale; amounts stay positive,
as the contract has them, and every mapping turns the signs by itself. It is booked under a number
made of the order's own id, so that ordering the same twice books it once.
"""

from __future__ import annotations

from uuid import UUID

from services.sales.slips import Drawer, DrawerSlip, Sale, Slip
from shared.events import (
    OriginalLine,
    ReturnLine,
    SaleCompleted,
    SaleLine,
    SaleReturned,
    TransactionKey,
)


def number_of(order_id: UUID) -> str:
    """Return the number of the opposite document: 33 characters, unique by itself."""
    return f"R{order_id.hex}"


def opposite_slip(sale: Sale, order_id: UUID, traceparent: str | None) -> Slip:
    return Slip(opposite(sale), number_of(order_id), order_id, traceparent=traceparent)


def opposite_drawer(fact: Drawer, order_id: UUID, traceparent: str | None) -> DrawerSlip:
    return DrawerSlip(fact, number_of(order_id), order_id, -1, traceparent)


def opposite(sale: Sale) -> Sale:
    """Return the sale with everything going the other way.

    What it sold comes back from itself; what it took back goes out again, from no sale.
    """
    same = {name: getattr(sale, name) for name in type(sale).model_fields}
    if isinstance(sale, SaleCompleted):
        lines: tuple[SaleLine, ...] = tuple(_back(line, sale.key) for line in sale.lines)
        exchanged: tuple[SaleLine, ...] = tuple(_out(line) for line in sale.exchanged_lines)
        kind: type[SaleCompleted] | type[SaleReturned] = SaleReturned
    else:
        lines = tuple(_out(line) for line in sale.lines)
        exchanged = tuple(_back(line, sale.key) for line in sale.exchanged_lines)
        kind = SaleCompleted
    turned: Sale = kind.model_construct(**same | {"lines": lines, "exchanged_lines": exchanged})
    return turned


def _back(line: SaleLine, key: TransactionKey) -> ReturnLine:
    fields = {name: getattr(line, name) for name in SaleLine.model_fields}
    return ReturnLine.model_construct(**fields, original=OriginalLine(key=key, line=line.number))


def _out(line: SaleLine) -> SaleLine:
    fields = {name: getattr(line, name) for name in SaleLine.model_fields}
    return SaleLine.model_construct(**fields)
