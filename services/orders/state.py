"""What is remembered of one order, and what follows for the next fact about it. Pure.

An order is a row of versions. One sales order in Dynamics stands for it, that of the last version
accepted; accepting another replaces it. Whatever is answered to the shop is remembered before it is
published, so that a repetition says the same although the world has changed meanwhile.

    version    answered before                 -> the same answer again
               the order is cancelled          -> answered so
               a change, nothing placed yet    -> waits for the placing
               older than the accepted one     -> out of date, no answer
               the accepted one                -> booked, without another check
               newer                           -> checked; then accepted or declined
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from shared.events import OrderStatusChanged
from shared.events.orders import DeclineReason, OrderStatus
from shared.store.records import Record

KIND = "order"
"""Of the records."""


class Step(Enum):
    REPEAT = auto()
    CANCELLED = auto()
    WAIT = auto()
    OUT_OF_DATE = auto()
    BOOK = auto()
    CHECK = auto()


AnswerStatus = OrderStatus | Literal["superseded"]


class Answer(BaseModel):
    """What was said about one version. `superseded` is said to nobody: a newer one came first."""

    model_config = ConfigDict(frozen=True)

    version: int
    status: AnswerStatus
    at: datetime
    digest: str
    """Of the fact that is answered: another one under the same id gets no answer of its."""
    reason: DeclineReason | None = None
    detail: str = ""
    document: str | None = None

    def status_of(self, company: str, order: str) -> OrderStatusChanged | None:
        """Return the fact that says it, None for what is said to nobody."""
        if self.status == "superseded":
            return None
        return OrderStatusChanged(
            company=company,
            order=order,
            version=self.version,
            status=self.status,
            reason=self.reason,
            detail=self.detail,
            document=self.document,
            changed_at=self.at,
        )


class Order(BaseModel):
    """`accepted` is the version to stand in Dynamics; `is_booked` once it certainly does, as the
    sales order `number` over `amount`. `written` are the versions that Dynamics may have a sales
    order of: what is written there is noted here first. No field holds personal data."""

    model_config = ConfigDict(frozen=True)

    is_placed: bool = False
    accepted: int | None = None
    is_booked: bool = False
    number: str = ""
    amount: Decimal = Decimal(0)
    currency: str = ""
    written: tuple[int, ...] = ()
    answers: dict[int, Answer] = {}
    cancellation: Answer | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.cancellation is not None and self.cancellation.status == "cancelled"

    @property
    def takes_payments(self) -> bool:
        """Whether all is said about it for now: money that was taken waits for that alone."""
        return self.is_cancelled or (self.is_placed and (self.accepted is None or self.is_booked))

    @property
    def latest(self) -> int:
        """The version that stands, or the last one that was answered; 0 where there is none."""
        return max(self.answers, default=0) if self.accepted is None else self.accepted

    def step(self, version: int) -> Step:
        """Return what is to be done with a version that was placed or changed to."""
        if version in self.answers:
            return Step.REPEAT
        if self.is_cancelled:
            return Step.CANCELLED
        if version and not self.is_placed:
            return Step.WAIT
        if self.accepted is not None and version < self.accepted:
            return Step.OUT_OF_DATE
        return Step.BOOK if version == self.accepted else Step.CHECK

    def accepting(self, version: int) -> Self:
        """Return the order about to be booked as this version."""
        return self.model_copy(
            update={
                "is_placed": self.is_placed or not version,
                "accepted": version,
                "is_booked": False,
                "written": (*self.written, version),
            }
        )

    def booked(self, answer: Answer, amount: Decimal, currency: str) -> Self:
        """Return the order that stands as the accepted version and as no other."""
        return self.model_copy(
            update={
                "is_booked": True,
                "number": answer.document or "",
                "amount": amount,
                "currency": currency,
                "written": (answer.version,),
                "answers": {**self.answers, answer.version: answer},
            }
        )

    def answered(self, answer: Answer) -> Self:
        """Return the order that another version changes nothing of; one that had been accepted is
        so no longer."""
        accepted = None if answer.version == self.accepted else self.accepted
        return self.model_copy(
            update={
                "is_placed": self.is_placed or not answer.version,
                "accepted": accepted,
                "answers": {**self.answers, answer.version: answer},
            }
        )

    def standing_as(self, version: int, answer: Answer) -> Self:
        """Return the order whose change is declined because this version cannot be taken back."""
        return self.answered(answer).model_copy(
            update={
                "accepted": version,
                "is_booked": version in self.answers,
                "written": (version,),
            }
        )

    def without(self, version: int) -> Self:
        """Return the order whose sales order of this version has been taken back."""
        left = tuple(each for each in self.written if each != version)
        return self.model_copy(update={"written": left})

    def ended(self, answer: Answer) -> Self:
        """Return the order that its cancelling is answered for; nothing stands if it succeeded."""
        gone = {"accepted": None, "is_booked": False, "written": ()}
        return self.model_copy(
            update={"cancellation": answer, **(gone if answer.status == "cancelled" else {})}
        )

    @property
    def word(self) -> str:
        """One word to search records by."""
        if self.is_cancelled:
            return "cancelled"
        if self.accepted is None:
            return "declined"
        return "booked" if self.is_booked else "accepted"


def order_of(record: Record | None) -> Order:
    """Return what a record says; of an absent one, an order nothing is known of."""
    return Order() if record is None else Order.model_validate_json(record.text)


def next_record(key: str, before: Record | None, order: Order, now: datetime) -> Record:
    """Return the record to write over the one that was read."""
    version = (before.version if before else 0) + 1
    return Record(KIND, key, version, order.word, order.model_dump_json(), now)
