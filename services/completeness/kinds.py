"""Kinds of till transactions, and what each means for a certificate. Pure."""

from __future__ import annotations

from decimal import Decimal

from shared.events import (
    CashMoved,
    Effect,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    TenderDeclared,
)
from shared.store.ledger_entries import LEDGER, SeenFact

AWAITED = frozenset({SaleCompleted.TYPE, SaleReturned.TYPE})
"""Facts that must have a document in the ledger; the others only use their numbers."""

MONEY_EFFECTS: frozenset[Effect] = frozenset({LEDGER, "cash"})
"""Effects whose refusal is the store-day's own; another's counts beside one that is booked."""

WORTH_MONEY = frozenset({*AWAITED, CashMoved.TYPE})
"""Facts whose documents, if there are any, are worth what they are."""

KINDS = {
    SaleCompleted.TYPE: "sale",
    SaleReturned.TYPE: "return",
    SaleVoided.TYPE: "voided",
    TenderDeclared.TYPE: "tender-declared",
    CashMoved.TYPE: "cash-moved",
}
"""What a fact is called; a recorded transaction by its own kind."""


def kind(fact: SeenFact) -> str:
    """Return what a fact is called in a certificate."""
    return KINDS.get(fact.fact_type) or fact.what or fact.fact_type


def worth(fact: SeenFact) -> Decimal:
    """Return what a document of the fact should be worth: of moved cash, what the drawer gained."""
    if fact.fact_type != CashMoved.TYPE:
        return fact.amount
    return sum((each.amount for each in fact.tenders or ()), Decimal(0))
