"""Which effect of a fact a refusal is about, where it does not say so itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.bus.topology import BACKFILL_SUFFIX
from shared.events import (
    CashMoved,
    CustomerRegistered,
    CustomerUpdated,
    Effect,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    PaymentCaptured,
    StoreDayClosed,
    TenderDeclared,
)
from shared.store.ledger_entries import LEDGER

BY_SUBSCRIPTION: Mapping[str, Effect] = MappingProxyType(
    {
        "sales": LEDGER,
        "completeness": LEDGER,
        "inventory": "stock",
        "customers": "points",
        "orders": "order",
    }
)
"""What each service mainly does with the facts of its subscription; also of its backfill one."""

BY_FACT: Mapping[str, Effect] = MappingProxyType(
    {
        CashMoved.TYPE: "cash",
        TenderDeclared.TYPE: "cash",
        StoreDayClosed.TYPE: "cash",
        CustomerRegistered.TYPE: "customer",
        CustomerUpdated.TYPE: "customer",
        GiftCardSold.TYPE: "gift-card",
        GiftCardRedeemed.TYPE: "gift-card",
        FeedbackGiven.TYPE: "note",
        PaymentCaptured.TYPE: "payment",
    }
)
"""Facts that become something else than the rest of their subscription's."""

NAMES_NOBODY: frozenset[Effect] = frozenset({LEDGER, "cash", "stock"})
"""Effects whose documents have keys without a person in them; the keys of others are not kept."""


def refused_effect(subscription: str, fact_type: str) -> Effect:
    """Return the effect that is missing because this subscription refused such a fact."""
    service = subscription.removesuffix(BACKFILL_SUFFIX)
    return BY_FACT.get(fact_type) or BY_SUBSCRIPTION.get(service, LEDGER)
