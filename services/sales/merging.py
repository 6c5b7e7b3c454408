"""Many tickets as one sale, to the cent. Pure.

Lines of the same article at the same price and tax become one where their rounded amounts add up
exactly; weighed goods whose rounding would not stay lines of their own. So the sum keeps every rule
of a sale but two: its rounding may reach a major unit, and it may have more lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from services.sales.slips import Sale
from shared.events import (
    Discount,
    ReturnLine,
    SaleLine,
    TaxAmount,
    Tender,
    extended_amount,
)

L = TypeVar("L", bound=SaleLine)
P = TypeVar("P", Discount, TaxAmount, Tender)


def group_of(sale: Sale) -> tuple[str, str, str, str]:
    """Return what the tickets of one aggregate have in common, as texts that sort.

    Direction, currency, whether prices include tax, and the combination of tenders (foreign ones
    with their currency), so that what was paid can be settled as it was paid.
    """
    paid = {
        each.type if each.currency == sale.currency else f"{each.type}:{each.currency}"
        for each in sale.tenders
        if not each.is_change
    }
    included = "tax included" if sale.prices_include_tax else "tax on top"
    return sale.TOPIC, sale.currency, included, "+".join(sorted(paid)) or "nothing paid"


def chunks(sales: Sequence[Sale], most_lines: int, most_tickets: int) -> Iterator[list[Sale]]:
    """Cut a group into parts whose sum has at most `most_lines` lines; a ticket stays whole."""
    part: list[Sale] = []
    kinds: set[Any] = set()
    for sale in sales:
        own = {_line_of_its_own(line, sale) for line in (*sale.lines, *sale.exchanged_lines)}
        if part and (len(kinds | own) > most_lines or len(part) == most_tickets):
            yield part
            part, kinds = [], set()
        part.append(sale)
        kinds |= own
    if part:
        yield part


def merged(sales: Sequence[Sale]) -> Sale:
    """Return the sum of sales of one group, with the key of the first.

    It names no person and no original sale, for it stands for many.
    """
    first = sales[0]
    lines = _merged_lines([line for sale in sales for line in sale.lines], first.currency)
    other = _merged_lines([line for sale in sales for line in sale.exchanged_lines], first.currency)
    numbered = [
        line.model_copy(update={"number": number})
        for number, line in enumerate((*lines, *other), start=1)
    ]
    discounts = [each for sale in sales for each in sale.basket_discounts]
    tenders = [each for sale in sales for each in sale.tenders]
    fields: dict[str, Any] = {
        "key": first.key,
        "occurred_at": max(sale.occurred_at for sale in sales),
        "currency": first.currency,
        "prices_include_tax": first.prices_include_tax,
        "lines": tuple(numbered[: len(lines)]),
        "exchanged_lines": tuple(numbered[len(lines) :]),
        "basket_discounts": _summed(discounts, lambda each: each.code, "amount"),
        "tenders": _summed(
            tenders,
            lambda each: (each.type, each.currency, each.is_change),
            "amount",
            "amount_in_sale_currency",
        ),
        "rounding": sum((sale.rounding for sale in sales), Decimal(0)),
        "total": sum((sale.total for sale in sales), Decimal(0)),
    }
    # Not validated: of the rules of a sale two may be broken by a sum, and all others hold.
    return type(first).model_construct(**fields)


def _kind(line: SaleLine) -> tuple[Any, ...]:
    """Return what lines that may become one have in common."""
    taxes = tuple(sorted((tax.code, tax.rate_percent) for tax in line.taxes))
    return line.item, line.variant or "", line.unit, line.unit_price, taxes, bool(line.gift_card)


def _line_of_its_own(line: SaleLine, sale: Sale) -> Any:
    """Return what tells apart the lines there will be at most."""
    whole = line.quantity == line.quantity.to_integral_value()
    return _kind(line) if whole else (sale.key, line.number)


def _merged_lines(lines: Iterable[L], currency: str) -> list[L]:
    by_kind: dict[tuple[Any, ...], list[L]] = {}
    for line in lines:
        alike = by_kind.setdefault(_kind(line), [])
        together = _together(alike[-1], line, currency) if alike else None
        if together is None:
            alike.append(_anonymous(line))
        else:
            alike[-1] = together
    return [line for alike in by_kind.values() for line in alike]


def _anonymous(line: L) -> L:
    changes: dict[str, Any] = {"barcode": None, "gift_card": "many" if line.gift_card else None}
    if isinstance(line, ReturnLine):
        changes |= {"original": None, "reason": None, "gift_receipt": False}
    return line.model_copy(update=changes)


def _together(one: L, other: L, currency: str) -> L | None:
    """Return both as one line, None where their rounded amounts would not add up."""

    def amount(quantity: Decimal) -> Decimal:
        return extended_amount(quantity, one.unit_price, currency)

    quantity = one.quantity + other.quantity
    if amount(quantity) != amount(one.quantity) + amount(other.quantity):
        return None
    return one.model_copy(
        update={
            "quantity": quantity,
            "discounts": _summed(
                (*one.discounts, *other.discounts), lambda each: each.code, "amount"
            ),
            "basket_discount": one.basket_discount + other.basket_discount,
            "taxes": _summed(
                (*one.taxes, *other.taxes), lambda tax: (tax.code, tax.rate_percent), "amount"
            ),
            "net_amount": one.net_amount + other.net_amount,
        }
    )


def _summed(parts: Iterable[P], kind: Callable[[P], object], *amounts: str) -> tuple[P, ...]:
    """Return one part of each kind, with the sums of these amounts."""
    found: dict[object, P] = {}
    for part in parts:
        before = found.get(kind(part))
        if before is not None:
            sums = {name: getattr(before, name) + getattr(part, name) for name in amounts}
            part = before.model_copy(update=sums)
        found[kind(part)] = part
    return tuple(found.values())
