"""Who did what, in chains that nobody can shorten or change unnoticed."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

FIRST_HASH = "0" * 64
"""What the first entry of a chain follows."""


@dataclass(frozen=True, slots=True)
class Act:
    """`actor` is a service, or the person an operator command was run by; `subject` is a key, never
    a person's data; `detail` is one line."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An act in its chain; `number` counts from 1 without gaps, `hash` is hex SHA-256."""

    chain: str
    number: int
    act: Act
    previous: str
    hash: str


def entry_hash(chain: str, number: int, act: Act, previous: str) -> str:
    """Return the hash of an entry: SHA-256 over a JSON list of everything that stands in it."""
    content = [
        chain,
        number,
        act.at.astimezone(UTC).isoformat(timespec="microseconds"),
        act.actor,
        act.action,
        act.subject,
        act.detail,
        previous,
    ]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chained(chain: str, last: AuditEntry | None, acts: Iterable[Act]) -> list[AuditEntry]:
    """Return the acts as the entries that follow `last`."""
    number, previous = (last.number, last.hash) if last else (0, FIRST_HASH)
    entries = []
    for act in acts:
        number += 1
        previous_hash, previous = previous, entry_hash(chain, number, act, previous)
        entries.append(AuditEntry(chain, number, act, previous_hash, previous))
    return entries


def first_break(
    entries: Iterable[AuditEntry], after: AuditEntry | None = None
) -> AuditEntry | None:
    """Return the first entry of a chain that does not follow from those before; None when all do.

    `entries` are in order, from the chain's beginning or from the one behind `after`. A chain whose
    end was cut off looks whole: compare its last hash with one noted elsewhere.
    """
    first, previous = (after.number + 1, after.hash) if after else (1, FIRST_HASH)
    for number, entry in enumerate(entries, start=first):
        expected = entry_hash(entry.chain, number, entry.act, previous)
        if (entry.number, entry.previous, entry.hash) != (number, previous, expected):
            return entry
        previous = entry.hash
    return None


class Audit(ABC):
    """Chains by name; entries are only ever added.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    @abstractmethod
    async def append(self, chain: str, acts: Sequence[Act]) -> list[AuditEntry]:
        """Add the acts in order, whole or not at all; two writers follow one another."""

    @abstractmethod
    async def read(self, chain: str, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Return entries beyond number `after`, in order."""

    @abstractmethod
    async def chains(self) -> list[str]:
        """Return the names of all chains, sorted."""


class MemoryAudit(Audit):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._chains: dict[str, list[AuditEntry]] = {}

    async def append(self, chain: str, acts: Sequence[Act]) -> list[AuditEntry]:
        entries = self._chains.get(chain, [])
        added = chained(chain, entries[-1] if entries else None, acts)
        if added:
            self._chains[chain] = entries + added
        return added

    async def read(self, chain: str, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        return self._chains.get(chain, [])[after : after + limit]

    async def chains(self) -> list[str]:
        return sorted(self._chains)
