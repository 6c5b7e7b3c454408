"""Certificates as they were issued, in one chain per store that nobody can change unnoticed.

What a certificate says is its content: JSON in one canonical form, written by the completeness
service. Each is chained to the one issued for its store before, and names the hash that the
business day before it had by then. A chain whose end was cut off looks whole: compare its last hash
with one that was exported, and its days with those of the ledger.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from shared.store.audit import FIRST_HASH
from shared.store.ledger_entries import DayFilter, StoreDay


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be issued about a store-day."""

    day: StoreDay
    verdict: str
    content: str
    """Canonical JSON."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """One link of a store's chain; hashes are hex SHA-256."""

    company: str
    store: str
    number: int
    """Place in the store's chain, from 1 without gaps."""
    business_day: date
    revision: int
    """How often this day was certified, this time included."""
    verdict: str
    issued_at: datetime
    content: str
    day_before: str
    """Hash of the latest certificate of the last business day before this one that had any when
    this was issued; FIRST_HASH where none had."""
    previous: str
    """Hash of the link before; FIRST_HASH for the first."""
    hash: str

    @property
    def day(self) -> StoreDay:
        return StoreDay(self.company, self.store, self.business_day)


def canonical_json(content: Mapping[str, Any]) -> str:
    """Return the one text of this content: keys sorted, no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(content: str) -> str:
    """Return hex SHA-256 over canonical JSON in UTF-8."""
    return hashlib.sha256(content.encode()).hexdigest()


def link_hash(link: IssuedCertificate) -> str:
    """Return what the hash of a link must be: SHA-256 over a JSON list of all that stands in it.

    The content goes in as its own hash, so that a chain can be recomputed without every content.
    """
    parts = [
        link.company,
        link.store,
        link.number,
        link.business_day.isoformat(),
        link.revision,
        link.verdict,
        link.issued_at.astimezone(UTC).isoformat(timespec="microseconds"),
        content_hash(link.content),
        link.day_before,
        link.previous,
    ]
    return content_hash(json.dumps(parts, ensure_ascii=False, separators=(",", ":")))


def linked(
    draft: Draft,
    issued_at: datetime,
    last: IssuedCertificate | None,
    latest_of_day: IssuedCertificate | None,
    latest_of_day_before: IssuedCertificate | None,
) -> IssuedCertificate:
    """Return the draft as the link that follows `last`."""
    unhashed = IssuedCertificate(
        company=draft.day.company,
        store=draft.day.store,
        number=last.number + 1 if last else 1,
        business_day=draft.day.business_day,
        revision=latest_of_day.revision + 1 if latest_of_day else 1,
        verdict=draft.verdict,
        issued_at=issued_at,
        content=draft.content,
        day_before=latest_of_day_before.hash if latest_of_day_before else FIRST_HASH,
        previous=last.hash if last else FIRST_HASH,
        hash="",
    )
    return hashed(unhashed)


def hashed(link: IssuedCertificate) -> IssuedCertificate:
    """Return the link with the hash it must have."""
    values = {name: getattr(link, name) for name in IssuedCertificate.__slots__}
    return IssuedCertificate(**{**values, "hash": link_hash(link)})


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and how one knows."""

    link: IssuedCertificate
    sentence: str


def first_break(links: Iterable[IssuedCertificate]) -> Break | None:
    """Return the first link that does not follow from those before; None when all do.

    `links` are one store's whole chain from its beginning, in order.
    """
    last: IssuedCertificate | None = None
    latest: dict[date, IssuedCertificate] = {}
    for link in links:
        earlier = [day for day in latest if day < link.business_day]
        sentence = _what_breaks(
            link,
            last,
            latest.get(link.business_day),
            latest[max(earlier)] if earlier else None,
        )
        if sentence:
            return Break(link, sentence)
        last = latest[link.business_day] = link
    return None


def _what_breaks(
    link: IssuedCertificate,
    last: IssuedCertificate | None,
    of_day: IssuedCertificate | None,
    of_day_before: IssuedCertificate | None,
) -> str:
    expected = (
        ("it does not hold what was hashed", link.hash, link_hash(link)),
        ("a certificate before it is missing", link.number, last.number + 1 if last else 1),
        ("it does not follow the one before", link.previous, last.hash if last else FIRST_HASH),
        ("a revision of its day is missing", link.revision, of_day.revision + 1 if of_day else 1),
        (
            "it does not name the business day before",
            link.day_before,
            of_day_before.hash if of_day_before else FIRST_HASH,
        ),
        ("it belongs to another chain", (link.company, link.store), _chain_of(last or link)),
    )
    return next((sentence for sentence, found, wanted in expected if found != wanted), "")


def _chain_of(link: IssuedCertificate) -> tuple[str, str]:
    return link.company, link.store


class Certificates(ABC):
    """Issued certificates; they are only ever added.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    @abstractmethod
    async def issue(self, drafts: Sequence[Draft], now: datetime) -> list[IssuedCertificate]:
        """Add the drafts whose content is not what was issued last about their day; return those.

        Whole or not at all; two writers follow one another. They are added in the order of their
        days, whatever the order they come in.
        """

    @abstractmethod
    async def latest(self, days: Iterable[StoreDay]) -> dict[StoreDay, IssuedCertificate]:
        """Return the newest certificate of each of these days that has any."""

    @abstractmethod
    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        """Return the days that have a certificate, sorted."""

    @abstractmethod
    async def chain(
        self, company: str, store: str, *, after: int = 0, limit: int = 1000
    ) -> list[IssuedCertificate]:
        """Return links of a store's chain beyond number `after`, in order."""


class MemoryCertificates(Certificates):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._chains: dict[tuple[str, str], list[IssuedCertificate]] = {}

    async def issue(self, drafts: Sequence[Draft], now: datetime) -> list[IssuedCertificate]:
        added = []
        for draft in sorted(drafts, key=lambda each: each.day):
            chain = self._chains.setdefault((draft.day.company, draft.day.store), [])
            link = linked_to_chain(draft, now, chain)
            if link:
                chain.append(link)
                added.append(link)
        return added

    async def latest(self, days: Iterable[StoreDay]) -> dict[StoreDay, IssuedCertificate]:
        wanted = set(days)
        links = (link for chain in self._chains.values() for link in chain)
        return {link.day: link for link in links if link.day in wanted}

    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        links = (link for chain in self._chains.values() for link in chain)
        return sorted({link.day for link in links if link.day in wanted})

    async def chain(
        self, company: str, store: str, *, after: int = 0, limit: int = 1000
    ) -> list[IssuedCertificate]:
        return self._chains.get((company, store), [])[after : after + limit]


def linked_to_chain(
    draft: Draft, now: datetime, chain: Sequence[IssuedCertificate]
) -> IssuedCertificate | None:
    """Return the link a draft becomes; None where its day was certified so already.

    `chain` needs to hold its last link, and the newest of the draft's day and of the last day
    before that has any.
    """
    latest = {link.business_day: link for link in chain}
    of_day = latest.get(draft.day.business_day)
    if of_day and of_day.content == draft.content:
        return None
    earlier = [day for day in latest if day < draft.day.business_day]
    return linked(draft, now, chain[-1] if chain else None, of_day,
                  latest[max(earlier)] if earlier else None)  # fmt: skip
