"""One order at a time: its versions and its cancelling, each brought to its end.

    claim     nobody else is at work on this order
    read      what is remembered, and so what is to be done (`state.Step`)
    accept    noted before anything is written to Dynamics
    replace   what Dynamics has of other versions is taken back, then the sales order is booked
    answer    noted, what waits for the order is released, and only then published

A crash anywhere repeats the fact, which goes on from what was noted: taking back and booking look
before they write. Taking back comes first, so that never two sales orders stand for one order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.orders.checks import Objection, objection
from services.orders.collaborators import Collaborators
from services.orders.mapping import (
    Content,
    customer_key,
    document_key,
    order_key,
    order_waits_for,
    parking_key,
    sales_order,
)
from services.orders.state import (
    KIND,
    Answer,
    AnswerStatus,
    Order,
    Step,
    next_record,
    order_of,
)
from shared.booking import Booker, Plan, content_digest
from shared.bus import Delivery, Done, Outcome, Parked, Rejected
from shared.companies import Company
from shared.dynamics import Booked, Posting
from shared.dynamics.ports.documents import SalesDocument
from shared.events import OrderCancelled, OrderChanged, Reason
from shared.events.card_numbers import mask_card_numbers
from shared.events.orders import OrderStatus
from shared.store.records import Record

_log = logging.getLogger("tillbus.orders")

DETAIL_LENGTH = 1000
"""Characters of an answer's detail."""


class Overtaken(Exception):
    """Somebody else wrote the order's record although it was claimed here."""


@dataclass(frozen=True, slots=True)
class _TooLate:
    """Dynamics does not take the sales order of this version back any more."""

    version: int


_TOO_LATE = Objection("too-late", "The order is shipped or invoiced.")
_CANCELLED = Objection("too-late", "The order is cancelled.")
_ON_HOLD = Objection("customer-on-hold", "The customer is on hold in Dynamics.")
_UNKNOWN_CUSTOMER = Objection("unknown-customer", "Dynamics has no such customer.")


class Desk:
    """Handles facts about one order; to be used while the order is claimed."""

    def __init__(
        self, fact: Content | OrderCancelled, company: Company, collaborators: Collaborators
    ) -> None:
        self._fact = fact
        self._digest = content_digest(fact)
        self._company = company
        self._entity = company.entity(fact.company)
        self._all = collaborators
        self._book = collaborators.books[company.orders]
        self._record: Record | None = None
        self._order = Order()

    async def content(self, delivery: Delivery) -> Outcome:
        """Return the outcome of a placing or change. Raises DynamicsError, StoreUnavailable,
        Overtaken."""
        fact: Content = delivery.event.data
        await self._read()
        match self._order.step(fact.version):
            case Step.REPEAT:
                return await self._repeated(fact, delivery)
            case Step.CANCELLED:
                return await self._after_the_end(fact)
            case Step.WAIT:
                return Parked(parking_key(fact), f"order {fact.order} has not been placed")
            case Step.OUT_OF_DATE:
                return await self._out_of_date(fact)
            case Step.CHECK:
                against = await objection(fact, self._company, self._book)
                if against is not None:
                    return await self._objected(fact, delivery, against)
                await self._write(self._order.accepting(fact.version))
        return await self._booked(fact, delivery)

    async def cancelling(self, delivery: Delivery) -> Outcome:
        """Return the outcome of a cancelling. Raises as `content`."""
        await self._read()
        if self._order.cancellation is None:
            latest, number = self._order.latest, self._order.number
            if await self._take_back(None):
                answer = self._declined(latest, _TOO_LATE)
            else:
                answer = self._answer(latest, "cancelled", document=number)
            await self._write(self._order.ended(answer))
        assert self._order.cancellation is not None
        answer = self._order.cancellation
        if answer.digest != self._digest:
            return self._other_content()
        if answer.status != "cancelled" or not answer.document:
            return await self._answered(answer)
        outcome = await self._post(delivery, self._cancelled_plan(answer.document))
        return await self._answered(answer, outcome)

    async def _repeated(self, fact: Content, delivery: Delivery) -> Outcome:
        answer = self._order.answers[fact.version]
        if answer.digest != self._digest:
            return self._other_content()
        if answer.status not in ("confirmed", "changed"):
            return await self._answered(answer)
        booker = Booker("order", self._all.orders, self._all.clock)
        [known] = await booker.book([delivery], lambda _: Done())
        return await self._answered(answer, known)

    async def _after_the_end(self, fact: Content) -> Outcome:
        """A placing that its cancelling has overtaken is cancelled, a change comes too late."""
        cancellation = self._order.cancellation
        assert cancellation is not None
        if isinstance(fact, OrderChanged):
            answer = self._declined(fact.version, _CANCELLED)
        else:
            # The very fact that the cancelling was answered with: it says the same.
            answer = cancellation.model_copy(update={"version": 0, "digest": self._digest})
        await self._write(self._order.answered(answer))
        return await self._answered(answer)

    async def _out_of_date(self, fact: Content) -> Outcome:
        _log.info(
            "Version %d of order %s came after version %d and changes nothing",
            fact.version,
            order_key(fact),
            self._order.accepted,
        )
        answer = self._answer(fact.version, "superseded")
        await self._write(self._order.answered(answer))
        return await self._answered(answer)

    async def _objected(
        self, fact: Content, delivery: Delivery, against: Objection | Parked
    ) -> Outcome:
        if isinstance(against, Parked):
            if against.key != customer_key(fact) or delivery.waited_out != against.key:
                return against
            against = _UNKNOWN_CUSTOMER
        answer = self._declined(fact.version, against)
        await self._write(self._order.answered(answer))
        return await self._answered(answer)

    async def _booked(self, fact: Content, delivery: Delivery) -> Outcome:
        """Replace what stands by the accepted version."""
        too_late = await self._take_back(fact.version)
        if too_late:
            answer = self._declined(fact.version, _TOO_LATE)
            await self._write(self._order.standing_as(too_late.version, answer))
            return await self._answered(answer)
        outcome = await self._post(delivery, self._order_plan(fact))
        if not isinstance(outcome, Done) or outcome.document is None:
            return await self._not_booked(fact, delivery, outcome)
        status: OrderStatus = "changed" if isinstance(fact, OrderChanged) else "confirmed"
        answer = self._answer(fact.version, status, document=outcome.document.document.key)
        await self._write(self._order.booked(answer, fact.total, fact.currency))
        return await self._answered(answer, outcome)

    async def _not_booked(self, fact: Content, delivery: Delivery, outcome: Outcome) -> Outcome:
        """Answer the shop where that is a business answer and nothing was given up for it."""
        if self._order.number:
            return outcome
        against: Objection | None = None
        if isinstance(outcome, Parked) and outcome.key == customer_key(fact):
            against = _UNKNOWN_CUSTOMER if delivery.waited_out == outcome.key else None
        elif isinstance(outcome, Rejected) and outcome.reason is Reason.REFUSED_BY_DYNAMICS:
            against = await self._hold(fact)
        if against is None or await self._take_back(None):
            return outcome
        answer = self._declined(fact.version, against)
        await self._write(self._order.answered(answer))
        return await self._answered(answer)

    async def _hold(self, fact: Content) -> Objection | None:
        """Refused for whatever reason: say so where it is that the customer is on hold."""
        credit = await self._book.customers.credit(self._entity, fact.customer)
        return _ON_HOLD if credit is not None and credit.on_hold else None

    async def _take_back(self, keep: int | None) -> _TooLate | None:
        """Cancel what Dynamics may have of every version but `keep`; stop at one that is too late.

        Raises DynamicsError."""
        for version in self._order.written:
            if version == keep:
                continue
            key = document_key(self._fact, version)
            if not await self._book.take_back(self._entity, key):
                return _TooLate(version)
            self._order = self._order.without(version)
        return None

    def _order_plan(self, fact: Content) -> Plan[SalesDocument]:
        return Plan(
            document=sales_order(fact, self._company),
            post=self._book.documents.post,
            system=self._book.system,
            company=fact.company,
            entity_set=self._book.order_set,
            waits_for=lambda error: order_waits_for(fact, error),
            amount=fact.total,
            currency=fact.currency,
        )

    def _cancelled_plan(self, number: str) -> Plan[str]:
        """Return the plan of what is done already: it is to be remembered and announced."""

        async def post(numbers: Sequence[str]) -> Sequence[Posting]:
            return [Booked(number, already_there=False) for number in numbers]

        return Plan(
            document=number,
            post=post,
            system=self._book.system,
            company=self._fact.company,
            entity_set=self._book.order_set,
            waits_for=lambda _: parking_key(self._fact),
            amount=-self._order.amount,
            currency=self._order.currency,
        )

    async def _post(self, delivery: Delivery, plan: Plan[Any]) -> Outcome:
        booker = Booker("order", self._all.orders, self._all.clock)
        [outcome] = await booker.book([delivery], lambda _: plan)
        return outcome

    async def _read(self) -> None:
        key = order_key(self._fact)
        self._record = (await self._all.records.read(KIND, [key])).get(key)
        self._order = order_of(self._record)

    async def _write(self, order: Order) -> None:
        record = next_record(order_key(self._fact), self._record, order, self._all.clock())
        if await self._all.records.write([record]):
            raise Overtaken(f"another worker has written order {record.key}")
        self._record, self._order = record, order

    async def _answered(self, answer: Answer, outcome: Outcome | None = None) -> Outcome:
        """Release what waits for the order, and let the answer be published."""
        await self._all.parking.release([parking_key(self._fact)], self._all.clock())
        status = answer.status_of(self._fact.company, self._fact.order)
        outcome = outcome or Done()
        if isinstance(outcome, Done) and status is not None:
            return replace(outcome, also=(status,))
        return outcome

    def _answer(self, version: int, status: AnswerStatus, *, document: str = "") -> Answer:
        return Answer(
            version=version,
            status=status,
            at=self._all.clock(),
            digest=self._digest,
            document=document or None,
        )

    def _declined(self, version: int, against: Objection) -> Answer:
        detail = mask_card_numbers(against.detail)[:DETAIL_LENGTH]
        said = {"reason": against.reason, "detail": detail}
        return self._answer(version, "declined").model_copy(update=said)

    def _other_content(self) -> Rejected:
        detail = f"order {order_key(self._fact)}: this was answered with other content"
        return Rejected(Reason.DOCUMENT_DIFFERS, detail)
