"""Points of sales and returns, where the company's rate and not the till says how many.

A return takes back from what its sale has earned, so it waits until that is booked. What each took
is kept with the sale's earning, by compare-and-set, before anything is booked: whoever comes again
books the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from services.customers.collaborators import Collaborators
from services.customers.earning import EARNINGS, Earning, Sale, earning, returned_of
from services.customers.earnings import archived_sale, cards_of, changed_records
from services.customers.entries import Entries, Prepared
from services.customers.points import book_point_entries
from shared.bus import Delivery, Done, Later, Outcome, Parked, Rejected, or_later
from shared.companies import Company
from shared.dynamics.ports.loyalty import PointsEntry, PointsKind
from shared.events import Reason, SaleCompleted, SaleReturned, TransactionKey
from shared.events.identity import fact_id
from shared.store.records import Record

ROUNDS: Final = 6


async def book_sale_points(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per delivery; done at once where no points are given."""
    return await or_later(_book(deliveries, collaborators), len(deliveries))


async def _book(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    outcomes: list[Outcome] = [Done()] * len(deliveries)
    places = [
        place
        for place, delivery in enumerate(deliveries)
        if _concerns_points(delivery.event.data, collaborators)
    ]
    concerned = [deliveries[place] for place in places]
    if not concerned:
        return outcomes
    prepared = await _prepared(concerned, collaborators)
    booked = await book_point_entries(concerned, prepared, collaborators)
    for place, outcome in zip(places, booked, strict=True):
        outcomes[place] = outcome
    await _release(concerned, booked, collaborators)
    return outcomes


async def _prepared(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> dict[UUID, Prepared[PointsEntry]]:
    """Return by fact what it is to be entered as; what is kept first is kept together."""
    known = await collaborators.inbox("points").results([each.event.id for each in deliveries])
    prepared: dict[UUID, Prepared[PointsEntry]] = dict.fromkeys(known, Done())
    sales = {
        each.event.id: _Sale(each, collaborators)
        for each in reversed(deliveries)
        if each.event.id not in known
    }
    keys = {key for each in sales.values() for key in each.keys}
    stored = await collaborators.records.read(EARNINGS, keys) if keys else {}
    together: dict[str, Record] = {}
    alone = []
    for event_id, each in sales.items():
        prepared[event_id], records = await each.draft(stored)
        if any(record.key in together for record in records):
            alone.append(event_id)
        else:
            together |= {record.key: record for record in records}
    if together and await collaborators.records.write(list(together.values())):
        alone = list(sales)
    return prepared | {each: await sales[each].prepared() for each in alone}


def _concerns_points(sale: Sale, collaborators: Collaborators) -> bool:
    settings = collaborators.companies.get(sale.key.company)
    if settings is None or not settings.points_per_unit:
        return False
    return sale.loyalty_card is not None or bool(returned_of(sale))


async def _release(
    deliveries: Sequence[Delivery], outcomes: Sequence[Outcome], collaborators: Collaborators
) -> None:
    """Let go the returns that wait for what these sales have earned."""
    keys = [
        f"sale/{delivery.event.data.key}"
        for delivery, outcome in zip(deliveries, outcomes, strict=True)
        if isinstance(outcome, Done) and delivery.event.data.loyalty_card
    ]
    if keys:
        await collaborators.parking.release(keys, collaborators.clock())


@dataclass(frozen=True, slots=True)
class _Sale:
    """One sale or return on its way to its entries."""

    delivery: Delivery
    collaborators: Collaborators

    @property
    def fact(self) -> Sale:
        sale: Sale = self.delivery.event.data
        return sale

    @property
    def settings(self) -> Company:
        return self.collaborators.companies[self.fact.key.company]

    @property
    def keys(self) -> list[str]:
        """The earnings it makes or takes from."""
        return [str(self.fact.key), *map(str, returned_of(self.fact))]

    async def prepared(self) -> Prepared[PointsEntry]:
        """Return the entries of this fact, kept before they are booked, or what it waits for."""
        records = self.collaborators.records
        for _ in range(ROUNDS):
            prepared, changed = await self.draft(await records.read(EARNINGS, self.keys))
            if not changed or not await records.write(changed):
                return prepared
        return Later("other returns of the same sale are at work")

    async def draft(
        self, stored: Mapping[str, Record]
    ) -> tuple[Prepared[PointsEntry], list[Record]]:
        """Return the same, and what is to be kept before."""
        earnings = {
            key: Earning.model_validate_json(stored[key].text) for key in self.keys if key in stored
        }
        cards = await cards_of(earnings, self.collaborators.archive)
        missing = await self._missing(earnings, cards)
        if missing is not None:
            return missing, []
        changed = self._changed(earnings, cards)
        if isinstance(changed, Rejected):
            return changed, []
        records = changed_records(changed, stored, self.collaborators.clock())
        return self._entries(changed, cards), records

    async def _missing(
        self, earnings: Mapping[str, Earning], cards: Mapping[str, str]
    ) -> Parked | None:
        """Return what a return waits for: the first sale whose earning is not booked."""
        if (self.delivery.waited_out or "").startswith("sale/"):
            return None  # What has not earned by now is taken to have earned nothing.
        for sold in returned_of(self.fact):
            earned = earnings.get(str(sold))
            if earned is None and await self._may_have_earned(sold):
                missing = "the sale has not come yet, or its points are not booked"
            elif earned is not None and not await self._is_booked(earned):
                missing = "the sale's points are not booked"
            elif earned is not None and str(sold) not in cards:
                missing = "the sale is not in the archive yet"
            else:
                continue
            return Parked(f"sale/{sold}", missing, self.settings.return_patience)
        return None

    async def _is_booked(self, earned: Earning) -> bool:
        if not earned.points:
            return True
        found = await self.collaborators.inbox("points").results([UUID(earned.fact_id)])
        return bool(found)

    async def _may_have_earned(self, sold: TransactionKey) -> bool:
        """Whether a sale without a known earning may still come to have one."""
        live_since = self.settings.live_since
        if live_since is not None and sold.business_day < live_since:
            return False
        ids = [fact_id(type_, str(sold)) for type_ in (SaleCompleted.TYPE, SaleReturned.TYPE)]
        for archived in (await self.collaborators.archive.read(ids)).values():
            sale = archived_sale(archived)
            if sale is not None:
                rate = self.settings.points_per_unit
                return earning(sale, str(archived.fact_id), rate) is not None
        return True

    def _changed(
        self, earnings: Mapping[str, Earning], cards: Mapping[str, str]
    ) -> dict[str, Earning] | Rejected:
        """Return every earning this fact makes or takes from, by the sale's key."""
        own, mine = str(self.fact.key), str(self.delivery.event.id)
        changed: dict[str, Earning] = {}
        earned = earning(self.fact, mine, self.settings.points_per_unit)
        if earned is not None:
            kept = earnings.get(own, earned)
            if (kept.points, kept.lines) != (earned.points, earned.lines):
                detail = f"{own} has earned other points in an earlier revision"
                return Rejected(Reason.DOCUMENT_DIFFERS, detail)
            changed[own] = kept
        for sold, lines in returned_of(self.fact).items():
            key = str(sold)
            if key in earnings and key in cards and key != own:
                changed[key] = earnings[key].take_back(mine, lines)
        return changed

    def _entries(
        self, changed: Mapping[str, Earning], cards: Mapping[str, str]
    ) -> Prepared[PointsEntry]:
        own, mine = str(self.fact.key), str(self.delivery.event.id)
        entries = []
        if own in changed and self.fact.loyalty_card and (points := changed[own].points):
            entries.append(self._entry(PointsKind.EARNED, "", self.fact.loyalty_card, points))
        by_card: dict[str, int] = {}
        for key, earned in sorted(changed.items()):
            if key != own and (back := earned.taken_by(mine)) and cards[key]:
                by_card[cards[key]] = by_card.get(cards[key], 0) + back
        for place, (card, back) in enumerate(by_card.items()):
            suffix = f"-{place + 1}" if place else ""
            entries.append(self._entry(PointsKind.EARNING_REVERSED, suffix, card, -back))
        if not entries:
            return Done()
        book = self.collaborators.loyalty[self.settings.loyalty]
        return Entries(self.fact.key.company, book, tuple(entries))

    def _entry(self, kind: PointsKind, suffix: str, card: str, points: int) -> PointsEntry:
        return PointsEntry(
            company=self.settings.entity(self.fact.key.company),
            key=f"{self.fact.key}/{kind}{suffix}",
            card=card,
            kind=kind,
            points=Decimal(points),
            reward=self.settings.points_reward,
            at=self.fact.occurred_at,
        )
