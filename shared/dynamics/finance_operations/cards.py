"""Points and gift cards in Finance & Operations: entries under keys of our own, in batches.

An entry is a row whose key holds ours; Dynamics keeps a second one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shared.dynamics.finance_operations.changesets import Changesets
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.keys import TRANSACTION, short_key
from shared.dynamics.finance_operations.queries import find
from shared.dynamics.finance_operations.worklist import Unit
from shared.dynamics.odata.batch import Changeset
from shared.dynamics.odata.requests import create, entity_path, read
from shared.dynamics.ports.loyalty import CardMovement, GiftCardEntry, PointsEntry, PointsKind
from shared.dynamics.ports.posting import Posting
from shared.dynamics.service import Service

_COMMENTS = {
    PointsKind.EARNED: "Earned",
    PointsKind.REDEEMED: "Redeemed",
    PointsKind.EARNING_REVERSED: "Earning reversed",
    PointsKind.ADJUSTED: "Adjusted",
}

OPERATIONS = {
    CardMovement.ISSUED: "Issue",
    CardMovement.ADDED: "AddTo",
    CardMovement.REDEEMED: "Redeem",
    CardMovement.REFUNDED: "Refund",
    CardMovement.CASHED_OUT: "CashOut",
}

ADJUSTMENTS: Entity[PointsEntry] = Entity(
    "LoyaltyCardRewardPointAdjustments",
    ("AdjustmentId",),
    {
        "AdjustmentId": lambda entry: short_key(f"{entry.company}:{entry.key}", TRANSACTION),
        "RetailLoyaltyCard_CardNumber": lambda entry: entry.card,
        "RetailLoyaltyRewardPoint_RewardPointId": lambda entry: entry.reward,
        "RewardPointAmountQty": lambda entry: entry.points,
        "TransactionDate": lambda entry: entry.at.date(),
        "Comment": lambda entry: entry.text or _COMMENTS[entry.kind],
    },
    more=("AdjustmentStatus",),
    compared=("RetailLoyaltyCard_CardNumber", "RewardPointAmountQty"),
    symbols={"AdjustmentStatus": ("Posted",)},
    lengths={"AdjustmentId": TRANSACTION},
    used_by=("Loyalty.record",),
)
"""Its key has no company: the company is a part of ours."""

LOYALTY_CARDS: Entity[PointsEntry] = Entity(
    "RetailLoyaltyCards", ("CardNumber",), used_by=("Loyalty.balance",)
)
REWARDS: Entity[PointsEntry] = Entity(
    "RetailLoyaltyCardRewardPointTransactionV2",
    (
        *("OperatingUnitNumber", "storeId", "Terminal", "TransactionNumber"),
        *("LoyaltyTransactionCompany", "LoyaltyTransactionLineNumber", "SalesOrderId"),
        *("AdjustmentId", "CardNumber", "NonTransactionalActivityId", "EntryDate", "EntryTime"),
    ),
    read=("RewardPointId", "RewardPointAmountQty"),
    used_by=("Loyalty.balance",),
)

GIFT_CARDS: Entity[GiftCardEntry] = Entity(
    "RetailGiftCards",
    ("dataAreaId", "EntryId"),
    {
        "dataAreaId": lambda entry: entry.company,
        "EntryId": lambda entry: entry.card,
        "CurrencyCode": lambda entry: entry.currency,
    },
    used_by=("GiftCards.record", "GiftCards.balance"),
)
GIFT_CARD_ENTRIES: Entity[GiftCardEntry] = Entity(
    "RetailGiftCardTransactions",
    ("dataAreaId", "CardNumber", "TransactionId"),
    {
        "dataAreaId": lambda entry: entry.company,
        "CardNumber": lambda entry: entry.card,
        "TransactionId": lambda entry: short_key(entry.key, TRANSACTION),
        "Operation": lambda entry: OPERATIONS[entry.movement],
        "Amount": lambda entry: entry.amount,
        "TransactionDate": lambda entry: entry.at.date(),
    },
    compared=("Amount", "Operation"),
    symbols={"Operation": ("Issue", "AddTo", "Redeem", "Refund", "CashOut")},
    lengths={"TransactionId": TRANSACTION},
    used_by=("GiftCards.record", "GiftCards.balance"),
)


class FinanceOperationsLoyalty:
    """The `Loyalty` port: every entry an adjustment of its card."""

    def __init__(self, service: Service, changesets: Changesets) -> None:
        self._service = service
        self._changesets = changesets

    async def record(self, entries: Sequence[PointsEntry]) -> Sequence[Posting]:
        return await self._changesets.book([self._unit(entry) for entry in entries])

    async def balance(self, company: str, card: str, reward: str) -> Decimal | None:
        """See the port; cards and points are shared by all companies."""
        if await self._service.entity(read(LOYALTY_CARDS.entity_set, {"CardNumber": card})) is None:
            return None
        wanted = {"CardNumber": card, "RewardPointId": reward}
        rows = await find(self._service, REWARDS.entity_set, wanted, REWARDS.read)
        return sum((Decimal(row["RewardPointAmountQty"]) for row in rows), Decimal(0))

    def _unit(self, entry: PointsEntry) -> Unit:
        body = {**ADJUSTMENTS.body(entry), "AdjustmentStatus": "Posted"}
        return _unit(ADJUSTMENTS, body)


class FinanceOperationsGiftCards:
    """The `GiftCards` port; issuing a card creates it in the same changeset."""

    def __init__(self, service: Service, changesets: Changesets) -> None:
        self._service = service
        self._changesets = changesets

    async def record(self, entries: Sequence[GiftCardEntry]) -> Sequence[Posting]:
        return await self._changesets.book([self._unit(entry) for entry in entries])

    async def balance(self, company: str, card: str) -> Decimal | None:
        """See the port: the sum of the card's entries."""
        key = {"dataAreaId": company, "EntryId": card}
        if await self._service.entity(read(GIFT_CARDS.entity_set, key)) is None:
            return None
        wanted = {"dataAreaId": company, "CardNumber": card}
        rows = await find(self._service, GIFT_CARD_ENTRIES.entity_set, wanted, ("Amount",))
        return sum((Decimal(row["Amount"]) for row in rows), Decimal(0))

    def _unit(self, entry: GiftCardEntry) -> Unit:
        first = (
            [(GIFT_CARDS.entity_set, GIFT_CARDS.body(entry))]
            if entry.movement is CardMovement.ISSUED
            else []
        )
        return _unit(GIFT_CARD_ENTRIES, GIFT_CARD_ENTRIES.body(entry), first)


def _unit(
    entity: Entity[Any],
    body: dict[str, object],
    first: Sequence[tuple[str, dict[str, object]]] = (),
) -> Unit:
    key = {name: body[name] for name in entity.key}
    creates = (create(*each) for each in (*first, (entity.entity_set, body)))
    return Unit(
        entity_path("", key)[1:-1],
        Changeset(tuple(creates)),
        read(entity.entity_set, key, entity.compared),
        lambda found: entity.differences(body, found),
    )
