"""The books as the facts have them: what tills, shop and back office have told, added up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from infra.local.demo.back_office import ANSWERS
from infra.local.demo.books import Books, Kept, Where
from infra.local.demo.moments import moment_of
from shared.companies import Company
from shared.events import (
    CashMoved,
    CustomerRegistered,
    Fact,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    InventoryAdjusted,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderPlaced,
    PaymentCaptured,
    SaleCompleted,
    SaleReturned,
    StockCounted,
    StoreDayClosed,
    TenderDeclared,
)

Companies = Mapping[str, Company]
F = TypeVar("F")


def told_books(facts: Sequence[Fact], companies: Companies) -> Books:
    """Return what Dynamics must hold once all of these are booked."""
    sales = _of(facts, SaleCompleted, SaleReturned)
    return Books(
        documents=Counter(kept for fact in facts for kept in _becomes(fact, companies)),
        money=_sums(
            (_ledger(companies[sale.key.company], sale.key.company), sale.signed_amount)
            for sale in sales
        ),
        points=_sums(
            ((each.transaction.company, each.card), _sign(each, LoyaltyEarned) * each.points)
            for each in _of(facts, LoyaltyEarned, LoyaltyRedeemed)
        ),
        gift_cards=_sums(
            ((each.transaction.company, each.card), _sign(each, GiftCardSold) * each.amount)
            for each in _of(facts, GiftCardSold, GiftCardRedeemed)
        ),
        stock=_stock(facts, companies),
        orders={
            (each.company, each.order): each.total
            for each in _of(facts, OrderPlaced)
            if ANSWERS[each.order][0] == "confirmed"
        },
        payments={
            (each.company, f"{each.order}/{each.payment}"): each.amount
            for each in _of(facts, PaymentCaptured)
        },
    )


def _of(facts: Iterable[Fact], *kinds: type[F]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, kinds)]


def _sign(fact: Fact, adds: type[Fact]) -> int:
    return 1 if isinstance(fact, adds) else -1


def _sums(amounts: Iterable[tuple[Where, Decimal]]) -> dict[Where, Decimal]:
    sums: dict[Where, Decimal] = defaultdict(Decimal)
    for where, amount in amounts:
        sums[where] += amount
    return dict(sums)


def _ledger(company: Company, name: str) -> Where:
    return company.ledger, company.entity(name)


# Documents


def _becomes(fact: Fact, companies: Companies) -> Iterable[Kept]:
    """Return the documents a fact becomes, and where: one of each."""
    rule = _BECOMES.get(type(fact))
    return rule(fact, companies[_company(fact)]) if rule else ()


def _company(fact: Fact) -> str:
    named: Any = getattr(fact, "key", None) or getattr(fact, "transaction", None) or fact
    return str(named.company)


def _of_sale(fact: Any, company: Company) -> Iterator[Kept]:
    yield "ledger", company.ledger
    if _moves_stock(fact, company):
        yield "stock", company.stock


def _of_close(_: Any, company: Company) -> Iterator[Kept]:
    """What the day's invoices were paid with is parted from the clearing account, where there is
    one."""
    if company.ledger == "business-central":
        yield "cash", company.ledger


def _of_customer(_: Any, company: Company) -> Iterator[Kept]:
    for book in company.customers:
        yield ("contact" if book == "dataverse" else "customer"), book


def _of_order(fact: Any, company: Company) -> Iterator[Kept]:
    if ANSWERS[fact.order][0] == "confirmed":
        yield "order", company.orders


_BECOMES: Mapping[type[Fact], Callable[[Any, Company], Iterable[Kept]]] = {
    SaleCompleted: _of_sale,
    SaleReturned: _of_sale,
    CashMoved: lambda _, company: [("cash", company.ledger)],
    TenderDeclared: lambda _, company: [("cash", company.ledger)],
    StoreDayClosed: _of_close,
    InventoryAdjusted: lambda _, company: [("stock", company.stock)],
    StockCounted: lambda _, company: [("stock", company.stock)],
    CustomerRegistered: _of_customer,
    LoyaltyEarned: lambda _, company: [("points", company.loyalty)],
    LoyaltyRedeemed: lambda _, company: [("points", company.loyalty)],
    GiftCardSold: lambda _, company: [("gift-card", company.gift_cards)],
    GiftCardRedeemed: lambda _, company: [("gift-card", company.gift_cards)],
    FeedbackGiven: lambda _, company: [("note", "dataverse")],
    OrderPlaced: _of_order,
    PaymentCaptured: lambda _, company: [("payment", company.orders)],
}
"""Others become nothing: they are accounted for in the till's sequence."""


def _moves_stock(sale: SaleCompleted | SaleReturned, company: Company) -> bool:
    """Business Central's invoices move its stock themselves; gift cards are no goods."""
    if company.ledger == company.stock:
        return False
    return any(line.gift_card is None for line in (*sale.lines, *sale.exchanged_lines))


# Goods

_ADDS = {"received": 1, "damaged": -1, "shrunk": -1, "adjusted": 1, "transferred": -1}
_CHANGED, _COUNTED = 0, 1
Observed = tuple[datetime, int, Decimal]
"""When, whether it is a count, and how many. What happened at the moment of a count is in it."""


def _stock(facts: Sequence[Fact], companies: Companies) -> dict[Where, Decimal]:
    """Return what is there: what was counted last, and what was observed after that."""
    observed: dict[Where, list[Observed]] = defaultdict(list)
    for fact in facts:
        for store, item, kind, quantity in _goods(fact, companies):
            name = _company(fact)
            where = companies[name].entity(name), store, item
            observed[where].append((moment_of(fact), kind, quantity))
    return {where: _there(events) for where, events in observed.items()}


def _goods(fact: Fact, companies: Companies) -> Iterator[tuple[str, str, int, Decimal]]:
    """Yield store, item, whether it was counted, and the quantity."""
    match fact:
        case SaleCompleted() | SaleReturned() if _moves_stock(fact, companies[fact.key.company]):
            out = -1 if isinstance(fact, SaleCompleted) else 1
            for lines, sign in ((fact.lines, out), (fact.exchanged_lines, -out)):
                for line in lines:
                    if line.gift_card is None:
                        yield fact.key.store, line.item, _CHANGED, sign * line.quantity
        case InventoryAdjusted():
            for change in fact.lines:
                yield fact.store, change.item, _CHANGED, _ADDS[fact.kind] * change.quantity
                if fact.to_store:
                    yield fact.to_store, change.item, _CHANGED, change.quantity
        case StockCounted():
            for counted in fact.lines:
                yield fact.store, counted.item, _COUNTED, counted.quantity


def _there(observed: Iterable[Observed]) -> Decimal:
    there = Decimal(0)
    for _, kind, quantity in sorted(observed, key=lambda each: each[:2]):
        there = quantity if kind == _COUNTED else there + quantity
    return there
