"""Erase a person: redact what the books need, delete the rest, and note that it was done."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

from shared.clock import Clock
from shared.erasure.redaction import stripped
from shared.erasure.search import Found, find
from shared.events import (
    CustomerRegistered,
    CustomerUpdated,
    FeedbackGiven,
    InvalidEvent,
    LoyaltyEarned,
    LoyaltyRedeemed,
    decode,
)
from shared.store.archive import Archive
from shared.store.audit import Act, Audit
from shared.store.inbox import Inbox
from shared.store.parking import ParkedFact, Parking
from shared.store.records import Records

OPERATORS = "operators"
"""The audit chain of what people do by command."""

_MOST_ROUNDS = 5
"""How often what has come meanwhile is looked for; a person's facts do not come that fast."""

_NOTHING_WITHOUT_A_PERSON = (
    CustomerRegistered,
    CustomerUpdated,
    FeedbackGiven,
    LoyaltyEarned,
    LoyaltyRedeemed,
)
"""Facts that are not to be booked any more once the person is erased."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """How much was, or would be, erased; names nobody."""

    subject: str
    links: int = 0
    """Cards and orders of the person that were followed."""
    archived: int = 0
    """Facts redacted in the archive."""
    parked: int = 0
    """Parked facts redacted, or given up because they were about nothing but the person."""
    records: int = 0
    """Records deleted."""

    @staticmethod
    def of(person: str, found: Found) -> ErasureReport:
        return ErasureReport(
            subject_of(person),
            len(found.persons - {person}),
            len(found.archived),
            len(found.parked),
            len(found.records),
        )

    def plus(self, other: ErasureReport) -> ErasureReport:
        """Return both together; what was followed by either counts once."""
        return ErasureReport(
            self.subject,
            max(self.links, other.links),
            self.archived + other.archived,
            self.parked + other.parked,
            self.records + other.records,
        )

    def __str__(self) -> str:
        counts = asdict(self)
        return ", ".join(f"{counts[name]} {name}" for name in counts if name != "subject")


def subject_of(person: str) -> str:
    """Return what the audit log calls a person: whoever knows the number can find the entry."""
    return f"sha256:{hashlib.sha256(person.encode()).hexdigest()}"


async def erase(
    person: str,
    *,
    archive: Archive,
    parking: Parking,
    records: Records,
    audit: Audit,
    actor: str,
    clock: Clock,
    inboxes: Iterable[Inbox] = (),
    links: Collection[str] = (),
) -> ErasureReport:
    """Erase a person, `<company>/<customer>`, from the store; return how much it was.

    Archived and parked facts keep id, subject, articles and amounts, because the books need them;
    facts about nothing but the person stop waiting, customer records go. `links` are cards and
    orders known from elsewhere to stand for the person. A crash leaves what a repetition finds;
    erasing a person who is not there changes nothing but the audit log. What comes afterwards, from
    a till that was offline for instance, needs another call. Raises `StoreUnavailable`.
    """
    subject = subject_of(person)
    await audit.append(OPERATORS, [Act(clock(), actor, "erasure ordered", subject)])
    places = _Places(archive, parking, records, tuple(inboxes))
    persons, report = {person, *links}, ErasureReport(subject)
    for _ in range(_MOST_ROUNDS):
        found = await find(persons, archive=archive, parking=parking, records=records)
        report = report.plus(ErasureReport.of(person, found))
        if found.is_empty:
            break
        await places.erase(person, found)
        persons |= found.persons
    await audit.append(OPERATORS, [Act(clock(), actor, "erased", subject, str(report))])
    return report


@dataclass(frozen=True, slots=True)
class _Places:
    archive: Archive
    parking: Parking
    records: Records
    inboxes: tuple[Inbox, ...]

    async def erase(self, person: str, found: Found) -> None:
        """Erase what was found; last the person's own facts, from which a repetition would know
        their cards and orders."""
        fact_ids = {fact.fact_id for fact in found.archived}
        fact_ids |= {fact.fact_id for fact in found.parked}
        for inbox in self.inboxes:
            await inbox.forget_content(fact_ids)
        for kind, key in found.records:
            await self.records.delete(kind, [key])
        given_up = [fact for fact in found.parked if _is_about_nothing_else(fact)]
        await self.parking.forget([fact.stay for fact in given_up])
        await self.parking.redact(
            {fact.identity: stripped(fact.body) for fact in found.parked if fact not in given_up}
        )
        bodies = {fact.fact_id: stripped(fact.body) for fact in found.archived}
        own = {fact.fact_id for fact in found.archived if person in fact.persons}
        of_links = {fact_id: body for fact_id, body in bodies.items() if fact_id not in own}
        for link in sorted(found.persons - {person}):
            await self.archive.erase(link, of_links)
        await self.archive.erase(person, bodies)


def _is_about_nothing_else(fact: ParkedFact) -> bool:
    try:
        return isinstance(decode(fact.body).data, _NOTHING_WITHOUT_A_PERSON)
    except InvalidEvent:
        return False
