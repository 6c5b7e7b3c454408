"""What tills say of points, gift cards and feedback."""

from __future__ import annotations

from typing import Any

from shared.events import (
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    LoyaltyEarned,
    LoyaltyRedeemed,
)
from tests.unit.customers.customers import COMPANY, NOW, NUMBER
from tests.unit.customers.sales import CARD, key

GIFT_CARD = "G-1"


def points_earned(sequence: int = 1, **changes: Any) -> LoyaltyEarned:
    return LoyaltyEarned.model_validate(_points(sequence) | changes)


def points_redeemed(sequence: int = 2, **changes: Any) -> LoyaltyRedeemed:
    return LoyaltyRedeemed.model_validate(_points(sequence) | changes)


def _points(sequence: int) -> dict[str, Any]:
    return {"transaction": key(sequence), "occurred_at": NOW, "card": CARD, "points": 7}


def gift_card_sold(sequence: int = 1, **changes: Any) -> GiftCardSold:
    return GiftCardSold.model_validate(_gift_card(sequence, "50.00") | changes)


def gift_card_redeemed(sequence: int = 2, **changes: Any) -> GiftCardRedeemed:
    return GiftCardRedeemed.model_validate(_gift_card(sequence, "12.50") | changes)


def _gift_card(sequence: int, amount: str) -> dict[str, Any]:
    said = {"card": GIFT_CARD, "currency": "GBP", "amount": amount}
    return {"transaction": key(sequence), "occurred_at": NOW} | said


def feedback(number: str = "F-1", **changes: Any) -> FeedbackGiven:
    said = {"company": COMPANY, "feedback": number, "customer": NUMBER, "given_at": NOW}
    said |= {"rating": 4, "store": "LONDON", "text": "Friendly, but a long queue."}
    return FeedbackGiven.model_validate(said | changes)
