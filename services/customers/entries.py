"""Book entries of points and gift cards: each once, and only of cards that there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from services.customers.books import EntriesBook
from services.customers.cards import Cards, waiting_key
from services.customers.collaborators import Collaborators
from shared.booking import Booker, Plan, failure, without_quotes
from shared.bus import Delivery, Done, Outcome, Parked
from shared.dynamics import Booked, DynamicsError, Failed, Posting
from shared.dynamics.ports.loyalty import GiftCardEntry, PointsEntry
from shared.events import BACKFILL, Effect

E = TypeVar("E", PointsEntry, GiftCardEntry)

_MOST_KEYS = 20
"""Entries named in the key of a document; who looks one up finds the others by the transaction."""


@dataclass(frozen=True, slots=True)
class Entries(Generic[E]):
    """What one fact is to be entered as: `entries` together are its effect.

    `company` as in the facts. `opens` names cards that come to exist by it.
    """

    company: str
    book: EntriesBook[Any]
    entries: tuple[E, ...]
    opens: frozenset[str] = frozenset()
    amount: Decimal = Decimal(0)
    currency: str = ""

    @property
    def cards(self) -> list[tuple[str, str]]:
        return [(self.company, entry.card) for entry in self.entries]


Prepared = Entries[E] | Outcome
Balance = Callable[[EntriesBook[Any], E], Awaitable[Decimal | None]]


@dataclass(frozen=True, slots=True)
class Together(Generic[E]):
    """Records the entries of several facts with one call; a fact is booked when all of its are."""

    record: Callable[[Sequence[E]], Awaitable[Sequence[Posting]]]

    async def __call__(self, facts: Sequence[tuple[E, ...]]) -> Sequence[Posting]:
        answers = iter(await self.record([entry for entries in facts for entry in entries]))
        return [_one(entries, [next(answers) for _ in entries]) for entries in facts]


def _one(entries: Sequence[PointsEntry | GiftCardEntry], postings: Sequence[Posting]) -> Posting:
    for entry, posting in zip(entries, postings, strict=True):
        if isinstance(posting, Failed):
            return Failed(without_quotes(posting.error, [entry.card]))
    booked = [posting for posting in postings if isinstance(posting, Booked)]
    key = ", ".join(posting.key for posting in booked[:_MOST_KEYS])
    return Booked(key, all(posting.already_there for posting in booked))


async def book_entries(
    effect: Effect,
    deliveries: Sequence[Delivery],
    prepared: Mapping[UUID, Prepared[E]],
    cards: Cards,
    balance: Balance[E],
    collaborators: Collaborators,
) -> list[Outcome]:
    """Return one outcome per delivery. `prepared` says by fact id what each is to become.

    A fact of a card that nobody has issued waits for it. Cards that a fact opens are known
    afterwards, and who waits for them is released. Raises StoreUnavailable.
    """
    unknown = await _unknown(prepared, cards, balance)

    def prepare(delivery: Delivery) -> Plan[tuple[E, ...]] | Outcome:
        what = prepared[delivery.event.id]
        if not isinstance(what, Entries):
            return what
        for card in what.cards:
            if card in unknown:
                return _wait(card, unknown[card], collaborators)
        return _plan(what, delivery)

    booker = Booker(effect, collaborators.inbox(effect), collaborators.clock)
    outcomes = await booker.book(deliveries, prepare)
    await _open(deliveries, outcomes, prepared, cards, collaborators)
    return outcomes


def _plan(what: Entries[E], delivery: Delivery) -> Plan[tuple[E, ...]]:
    port = what.book.late if delivery.event.lane == BACKFILL else what.book.port
    first = what.entries[0]
    return Plan(
        document=what.entries,
        post=Together(port.record),
        system=what.book.system,
        company=what.company,
        entity_set=what.book.entity_set,
        waits_for=lambda _: waiting_key(what.company, first.card),
        amount=what.amount,
        currency=what.currency,
    )


def _wait(
    card: tuple[str, str], why: DynamicsError | None, collaborators: Collaborators
) -> Outcome:
    key = waiting_key(*card)
    if why is not None:
        return failure(without_quotes(why, [card[1]]), collaborators.clock(), key)
    return Parked(key, "nobody has issued this card, and it has no entries yet")


async def _unknown(
    prepared: Mapping[UUID, Prepared[E]], cards: Cards, balance: Balance[E]
) -> dict[tuple[str, str], DynamicsError | None]:
    """Return the cards that are not known, and why that could not be found out where it could not.

    A card that has entries already is known: a book that was begun before us has opening balances.
    """
    asked = {
        (what.company, entry.card): (what.book, entry)
        for what in prepared.values()
        if isinstance(what, Entries) and not what.book.knows_cards
        for entry in what.entries
        if entry.card not in what.opens
    }
    unknown: dict[tuple[str, str], DynamicsError | None] = {}
    for card in asked.keys() - await cards.known(asked):
        try:
            if await balance(*asked[card]) is None:
                unknown[card] = None
            else:
                await cards.learn([card])
        except DynamicsError as error:
            unknown[card] = error
    return unknown


async def _open(
    deliveries: Sequence[Delivery],
    outcomes: Sequence[Outcome],
    prepared: Mapping[UUID, Prepared[E]],
    cards: Cards,
    collaborators: Collaborators,
) -> None:
    opened = [
        (what.company, card)
        for delivery, outcome in zip(deliveries, outcomes, strict=True)
        if isinstance(outcome, Done) and isinstance(what := prepared[delivery.event.id], Entries)
        for card in sorted(what.opens)
    ]
    if opened:
        await cards.learn(opened)
        keys = [waiting_key(*card) for card in opened]
        await collaborators.parking.release(keys, collaborators.clock())
