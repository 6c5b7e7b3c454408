"""Where the store speaks of a person: the archive, parked facts, records of customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shared.erasure.persons import concerns, is_link, persons_in
from shared.erasure.redaction import stripped
from shared.store.archive import Archive, ArchivedFact
from shared.store.parking import ParkedFact, Parking
from shared.store.records import Records

CUSTOMER_KINDS = "customer"
"""What kinds of records begin with that are about persons; their keys are, or begin with, one."""

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows about a person and what stands for them."""

    persons: frozenset[str]
    """Those asked for, and the cards and orders that their facts name."""
    archived: tuple[ArchivedFact, ...] = ()
    parked: tuple[ParkedFact, ...] = ()
    """Only those that still say something about the person."""
    records: tuple[tuple[str, str], ...] = ()
    """Kind and key of each."""

    @property
    def is_empty(self) -> bool:
        return not (self.archived or self.parked or self.records)


async def find(
    persons: Collection[str],
    *,
    archive: Archive,
    parking: Parking,
    records: Records,
    elsewhere: Iterable[Sequence[str]] = (),
) -> Found:
    """Return what is about these persons; their cards and orders are followed.

    `elsewhere` says of facts kept in other places whom each is about: a card may be known from
    there only. Raises `StoreUnavailable`.
    """
    parked = await _parked(parking)
    groups = [whom for _, whom in parked] + list(elsewhere)
    archived: dict[object, ArchivedFact] = {}
    known: set[str] = set()
    wanted = set(persons)
    while wanted - known:
        for person in sorted(wanted - known):
            for fact in await archive.about(person):
                if concerns(fact.persons, wanted):
                    archived[fact.fact_id] = fact
            known.add(person)
        for group in [*groups, *(fact.persons for fact in archived.values())]:
            if concerns(group, wanted):
                wanted |= {each for each in group if is_link(each)}
    return Found(
        persons=frozenset(wanted),
        archived=tuple(archived.values()),
        parked=tuple(
            fact
            for fact, whom in parked
            if concerns(whom, wanted) and stripped(fact.body) != fact.body
        ),
        records=tuple([each for person in sorted(wanted) for each in await _of(records, person)]),
    )


async def _parked(parking: Parking) -> list[tuple[ParkedFact, tuple[str, ...]]]:
    """Return the parked facts that are about anybody."""
    found: list[tuple[ParkedFact, tuple[str, ...]]] = []
    last = None
    while page := await parking.facts(after=last, limit=_PAGE):
        found += [(fact, whom) for fact in page if (whom := persons_in(fact.body))]
        last = page[-1]
    return found


async def _of(records: Records, person: str) -> list[tuple[str, str]]:
    kinds = [kind for kind in await records.kinds() if kind.startswith(CUSTOMER_KINDS)]
    found = []
    for kind in kinds:
        found += [(kind, key) for key in await records.read(kind, [person])]
        last = ""
        while page := await records.find(kind, prefix=f"{person}/", after=last, limit=_PAGE):
            found += [(kind, each.key) for each in page]
            last = page[-1].key
    return found
