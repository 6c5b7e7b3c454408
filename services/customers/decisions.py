"""Carry out what people decided on conflicts, and finish what a worker that died has left."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from services.customers.collaborators import Collaborators
from services.customers.drafting import DUE, Change
from services.customers.handlers import books_of
from services.customers.profile import PROFILES, Profile
from services.customers.registry import Registry, Written
from shared.dynamics import Failed
from shared.reviews import ACCEPTED, CONFLICTS, REJECTED, RESOLVED, conflict_of, ended
from shared.store.audit import Act
from shared.store.errors import StoreUnavailable
from shared.store.records import Record

_log = logging.getLogger("tillbus.customers")

ABANDONED: Final = timedelta(minutes=15)
"""A profile due for so long is nobody's any more: no function runs longer than ten minutes."""

MOST: Final = 200
"""Customers of one run."""

CHAIN: Final = "customers"
"""Of the audit log."""


async def carry_out(collaborators: Collaborators) -> int:
    """Return how many customers were brought up to date.

    Where store or books are unavailable the rest is left to the next run.
    """
    try:
        return await _carry_out(collaborators)
    except StoreUnavailable as error:
        _log.error("The store is unavailable, decisions wait: %s", error)
        return 0


async def _carry_out(collaborators: Collaborators) -> int:
    conflicts = await _decided(collaborators)
    customers = {_customer(record): False for record in conflicts}
    customers |= {record.key: True for record in await _abandoned(collaborators)}
    changes = list(_changes(customers, collaborators))
    registry = Registry(collaborators.records, collaborators.authority, collaborators.clock)
    for key, result in (await registry.update(changes)).items():
        _tell_failures(key, result)
    await _end(conflicts, collaborators)
    return len(changes)


async def _end(decided: Sequence[Record], collaborators: Collaborators) -> None:
    """Note in the audit log what was carried out; end what no profile waits for any more."""
    records, now = collaborators.records, collaborators.clock()
    stored = await records.read(CONFLICTS, [record.key for record in decided])
    profiles = await records.read(PROFILES, {_customer(record) for record in decided})
    waiting = {
        key
        for profile in profiles.values()
        for key in Profile.model_validate_json(profile.text).conflicts
    }
    acts = []
    for record in decided:
        there = stored.get(record.key)
        if there and there.state == RESOLVED:
            detail = f"{record.state} by {conflict_of(record).decided_by}"
            acts.append(Act(now, "customers", "conflict-carried-out", record.key, detail))
        elif there and record.key not in waiting:
            await records.write([ended(there, "superseded", now)])
    if acts:
        await collaborators.audit.append(CHAIN, acts)


async def _decided(collaborators: Collaborators) -> list[Record]:
    records = collaborators.records
    return [
        record
        for state in (ACCEPTED, REJECTED)
        for record in await records.find(CONFLICTS, state=state, limit=MOST)
    ]


async def _abandoned(collaborators: Collaborators) -> list[Record]:
    before = collaborators.clock() - ABANDONED
    due = await collaborators.records.find(PROFILES, state=DUE, limit=MOST)
    return [record for record in due if record.at <= before]


def _customer(conflict: Record) -> str:
    return conflict.key.rpartition("/")[0]


def _changes(customers: Mapping[str, bool], collaborators: Collaborators) -> Iterator[Change]:
    for key, sweeps in customers.items():
        company, _, number = key.partition("/")
        settings = collaborators.companies.get(company)
        if settings is None:
            _log.error("Company %s has customers to bring up to date, and no settings", company)
            continue
        books = books_of(settings.customers, collaborators)
        yield Change(company, number, settings, books, sweeps=sweeps)


def _tell_failures(key: str, result: Written | None) -> None:
    for book, posting in (result.postings if result else {}).items():
        if isinstance(posting, Failed):
            _log.warning(
                "Customer %s is not up to date in %s: %s", key, book, posting.error.describe()
            )
