"""What a faulty till release makes of a sale, before the corrected one follows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from azure.servicebus import ServiceBusMessage

from shared.clock import Clock
from shared.events import Reason, SaleCompleted, encode, new_event

OWNER = "sales"
"""The subscription that dead-letters what is no valid sale; the others leave that to it."""
BOOKING = ("sales", "inventory")
"""Those that book every valid sale, each for itself, and so each refuse one of no company."""


@dataclass(frozen=True)
class Poison:
    """A message for sale-completed that no redelivery can help, and the reason it must get."""

    message_id: str
    body: bytes
    reason: Reason
    refused_by: Sequence[str] = (OWNER,)
    """Subscriptions in whose dead-letter queues it must end, and in no others."""

    def message(self) -> ServiceBusMessage:
        """Return it as a till that knows no contract would send it."""
        return ServiceBusMessage(
            self.body, message_id=self.message_id, content_type="application/cloudevents+json"
        )


def poison_from(sale: SaleCompleted, clock: Clock) -> list[Poison]:
    """Return four wrong messages made of a right sale; three of them say that they are it."""
    document = json.loads(encode(new_event(sale, source="/tills/faulty-release", time=clock())))

    def spoilt(message_id: str, reason: Reason, **changes: object) -> Poison:
        body = json.dumps(document | {"data": document["data"] | changes}).encode()
        return Poison(message_id, body, reason)

    elsewhere = sale.key.model_copy(update={"company": "none"})
    stranger = new_event(
        sale.model_copy(update={"key": elsewhere}), source="/tills/stranger", time=clock()
    )
    return [
        spoilt("poison-sum", Reason.AMOUNTS_DO_NOT_ADD_UP, total=str(sale.total + 1)),
        spoilt("poison-card", Reason.CARD_NUMBER, cashier="4111 1111 1111 1111"),
        Poison("poison-json", b'{"specversion": "1.0", "type"', Reason.INVALID_JSON),
        Poison("poison-company", encode(stranger), Reason.UNKNOWN_COMPANY, BOOKING),
    ]
