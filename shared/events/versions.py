"""Which facts and versions are known, and how old versions are brought forward."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .customers import (
    CustomerRegistered,
    CustomerUpdated,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    LoyaltyEarned,
    LoyaltyRedeemed,
)
from .day import StoreDayClosed
from .documents import DocumentPosted, DocumentRejected
from .facts import Fact
from .orders import (
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    OrderStatusChanged,
    PaymentCaptured,
)
from .reasons import Reason
from .reversal import ReversalOrdered
from .sale import SaleCompleted, SaleReturned
from .stock import InventoryAdjusted, StockCounted
from .till_transactions import (
    CashMoved,
    SaleVoided,
    StoreDayOpened,
    TenderDeclared,
    TransactionRecorded,
)

FACTS: Mapping[str, type[Fact]] = MappingProxyType(
    {
        model.TYPE: model
        for model in (
            SaleCompleted,
            SaleReturned,
            SaleVoided,
            TransactionRecorded,
            TenderDeclared,
            CashMoved,
            StoreDayOpened,
            StoreDayClosed,
            InventoryAdjusted,
            StockCounted,
            CustomerRegistered,
            CustomerUpdated,
            LoyaltyEarned,
            LoyaltyRedeemed,
            GiftCardSold,
            GiftCardRedeemed,
            FeedbackGiven,
            OrderPlaced,
            OrderChanged,
            OrderCancelled,
            PaymentCaptured,
            OrderStatusChanged,
            DocumentPosted,
            DocumentRejected,
            ReversalOrdered,
        )
    }
)
"""Model by event type: the newest version of every fact."""

Json = dict[str, Any]
Upcaster = Callable[[Json], Json]
"""Turns the data of one version into that of the next, without changing what it is given.

Raises LookupError, TypeError, ValueError or AttributeError for data it cannot read.
"""

UPCASTERS: Mapping[str, tuple[str, Upcaster]] = MappingProxyType({})
"""By old event type: the type it becomes and how. Steps are chained until a known type."""

_TYPE = re.compile(r"(?P<fact>com\.tillbus\.[a-z0-9-]+)\.v(?P<version>[0-9]+)")


class UnknownType(ValueError):
    """No model reads this type; `reason` tells an unknown fact from an unknown version."""

    def __init__(self, type_: str, reason: Reason) -> None:
        super().__init__(type_)
        self.reason = reason


def bring_forward(
    type_: str, data: Json, upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS
) -> tuple[type[Fact], Json]:
    """Return the model that reads this type and the data as that model expects it.

    Raises UnknownType.
    """
    while type_ not in FACTS:
        if type_ not in upcasters:
            raise UnknownType(type_, _why_unknown(type_))
        type_, upcast = upcasters[type_]
        data = upcast(data)
    return FACTS[type_], data


def _why_unknown(type_: str) -> Reason:
    parts = _TYPE.fullmatch(type_)
    facts = {known.rpartition(".v")[0] for known in FACTS}
    known = parts is not None and parts["fact"] in facts
    return Reason.UNKNOWN_VERSION if known else Reason.UNKNOWN_TYPE
