"""Bring customers up to date: merge what came, compare with the books, write what holds to them.

    read profile and books, merge ─> write the profile ─> write the books ─> confirm it there
        ^                               │ another was first                     │ another changed
        └───────────────────────────────┴───────────────────────────────────────┘ what holds

The profile is written before the books, with what is about to be sent to them: a worker that dies
in between leaves a profile that is due, and what it wrote is known as ours. Whoever writes a book
looks afterwards whether somebody else has changed what holds, and then writes again: so the books
end as the last profile says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.customers.authority import Authority
from services.customers.books import CustomersBook
from services.customers.drafting import CURRENT, DUE, Change, Draft, Found, drafted
from services.customers.mapping import to_send
from services.customers.profile import PROFILES, Profile, values_of
from shared.booking import without_quotes
from shared.clock import Clock
from shared.dynamics import Booked, DynamicsError, Failed, Posting, TryLater
from shared.dynamics.ports.master_data import Customer
from shared.reviews import CONFLICTS
from shared.store.records import Record, Records

ROUNDS: Final = 6
CONFIRMATIONS: Final = 3
AT_ONCE: Final = 8
"""How many customers are looked up side by side."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one customer: a posting per book, by the book's name.

    `is_person` says in which entity set of it. `stale` as of the draft.
    """

    postings: Mapping[str, Posting]
    is_person: bool = True
    stale: Mapping[UUID, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registry:
    """The customers of all companies. Methods raise `StoreUnavailable`."""

    records: Records
    authority: Authority
    clock: Clock

    async def update(self, changes: Sequence[Change]) -> dict[str, Written | None]:
        """Return what became of each change, by key; None for a customer nobody has registered."""
        results: dict[str, Written | None] = {}
        waiting = {change.key: change for change in changes}
        for _ in range(ROUNDS):
            if not waiting:
                break
            drafts = await self._drafts(list(waiting.values()))
            results |= {key: None for key, draft in drafts.items() if draft is None}
            kept = await self._kept([draft for draft in drafts.values() if draft])
            await _write(kept)
            for draft in await self._confirmed(kept):
                results[draft.change.key] = _result(draft)
            waiting = {key: change for key, change in waiting.items() if key not in results}
        return results | {key: _others_are_at_work(change) for key, change in waiting.items()}

    async def _drafts(self, changes: Sequence[Change]) -> dict[str, Draft | None]:
        stored = await self.records.read(PROFILES, [change.key for change in changes])
        conflicts = await self._conflicts(stored.values())
        found = await _look_up(changes)
        now = self.clock()
        return {
            change.key: drafted(
                change,
                stored.get(change.key),
                conflicts,
                found[change.key],
                self.authority,
                now,
            )
            for change in changes
        }

    async def _conflicts(self, profiles: Iterable[Record]) -> dict[str, Record]:
        read = (Profile.model_validate_json(record.text) for record in profiles)
        keys = [key for profile in read for key in profile.conflicts]
        return await self.records.read(CONFLICTS, keys) if keys else {}

    async def _kept(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Write the profiles; return the drafts that nobody has overtaken."""
        together = [record for draft in drafts for record in draft.records]
        if not together or not await self.records.write(together):
            return list(drafts)
        return [
            draft
            for draft in drafts
            if not draft.records or not await self.records.write(draft.records)
        ]

    async def _confirmed(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Write into the profiles what has arrived; return the drafts that nobody has overtaken."""
        keys = [draft.change.key for draft in drafts]
        stored = await self.records.read(PROFILES, keys) if keys else {}
        together = [self._confirmation(draft, stored) for draft in drafts]
        records = [each for each in together if isinstance(each, Record)]
        if not records or not await self.records.write(records):
            return [draft for draft, each in zip(drafts, together, strict=True) if each]
        return [draft for draft in drafts if await self._confirmed_alone(draft)]

    async def _confirmed_alone(self, draft: Draft) -> bool:
        for _ in range(CONFIRMATIONS):
            stored = await self.records.read(PROFILES, [draft.change.key])
            record = self._confirmation(draft, stored)
            if not isinstance(record, Record):
                return record
            if not await self.records.write([record]):
                return True
        return False

    def _confirmation(self, draft: Draft, stored: Mapping[str, Record]) -> Record | bool:
        """Return what is to be written; True where nothing is, False where somebody has changed
        what holds."""
        change = draft.change
        record = stored.get(change.key)
        if record is None or not draft.documents:
            return True  # Erased meanwhile, or nothing was sent.
        profile = Profile.model_validate_json(record.text)
        if self._holding(profile, change) != self._holding(draft.profile, change):
            return False
        return self._arrived(draft, record, profile)

    def _holding(self, profile: Profile, change: Change) -> list[dict[str, str]]:
        return [to_send(profile, change.company, self.authority, book) for book in change.books]

    def _arrived(self, draft: Draft, stored: Record, profile: Profile) -> Record:
        now, change = self.clock(), draft.change
        for book, posting in draft.postings.items():
            if isinstance(posting, Booked):
                profile = profile.arrived(change.sender, book, now, written=True)
            elif not isinstance(posting.error, TryLater):
                profile = profile.arrived(change.sender, book, now, written=False)
        if change.sweeps and all(isinstance(each, Booked) for each in draft.postings.values()):
            profile = profile.model_copy(update={"sending": {}})
        text = profile.model_dump_json(exclude_defaults=True)
        state = DUE if profile.sending else CURRENT
        return Record(PROFILES, stored.key, stored.version + 1, state, text, now)


async def _look_up(changes: Sequence[Change]) -> dict[str, Found]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(change: Change, book: CustomersBook) -> Customer | DynamicsError | None:
        async with places:
            try:
                entity = change.settings.entity(change.company)
                return await book.customers.find(entity, change.number)
            except DynamicsError as error:
                return error

    async def all_of(change: Change) -> Found:
        answers = await asyncio.gather(*(one(change, book) for book in change.books))
        names = (book.system for book in change.books)
        return dict(zip(names, answers, strict=True))

    found = await asyncio.gather(*map(all_of, changes))
    return {change.key: each for change, each in zip(changes, found, strict=True)}


async def _write(drafts: Sequence[Draft]) -> None:
    """Write every book, all customers of a book together."""
    books = {book.system: book for draft in drafts for book in draft.change.books}

    async def save(book: CustomersBook) -> None:
        to_save = [draft for draft in drafts if book.system in draft.documents]
        if not to_save:
            return
        postings = await book.customers.save([draft.documents[book.system] for draft in to_save])
        for draft, posting in zip(to_save, postings, strict=True):
            draft.postings[book.system] = _clean(posting, draft.profile)

    # All come to their end before a bug in one of them is told.
    saved = await asyncio.gather(*map(save, books.values()), return_exceptions=True)
    for each in saved:
        if each is not None:
            raise each


def _result(draft: Draft) -> Written:
    is_person = all(each.is_person for each in draft.documents.values())
    return Written(draft.postings, is_person, draft.stale)


def _clean(posting: Posting, profile: Profile) -> Posting:
    if isinstance(posting, Booked):
        return posting
    return Failed(without_quotes(posting.error, values_of(profile.fields)))


def _others_are_at_work(change: Change) -> Written:
    error = TryLater("Other workers keep changing this customer.")
    return Written({book.system: Failed(error) for book in change.books})
