"""Witness what passes on the bus, and look at every store-day that has changed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol

from services.completeness.certificate import Certificate, Verdict
from services.completeness.certify import certify
from services.completeness.issuing import draft
from services.completeness.mapping import entries, noted
from shared.bus import Delivery, Done, Outcome, or_later
from shared.clock import Clock
from shared.events import DocumentRejected
from shared.store.certificates import Certificates
from shared.store.ledger import DayEntries, Evaluation, Ledger, StoreDay
from shared.telemetry import DAYS_NOT_CLOSED, MISSING_SEQUENCES

_log = logging.getLogger("tillbus.completeness")

_DAYS_AT_ONCE = 200
"""Store-days read together: some ten thousand entries of a busy chain, a few megabytes."""

_DAYS_PER_RUN = 20_000

_CLOSES_WITHIN = timedelta(days=1)

_REASONS_NAMED = 3
"""How many reasons one log line gives, gravest first; the certificate holds them all."""


class Collaborators(Protocol):
    """What witnessing and evaluating need."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def certificates(self) -> Certificates: ...
    @property
    def clock(self) -> Clock: ...


async def witness(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    """Remember the whole batch in one transaction; seen before or not makes no difference."""
    return await or_later(_witness(deliveries, collaborators), len(deliveries))


async def _witness(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    events = [delivery.event for delivery in deliveries]
    await collaborators.ledger.record(entries(events, collaborators.clock()))
    return [Done()] * len(deliveries)


async def note_invalid(
    rejections: Sequence[DocumentRejected], collaborators: Collaborators
) -> None:
    """Count invalid sales by the transaction they name: their sequence is used, not missing.

    Raises StoreUnavailable; the messages then come again.
    """
    await collaborators.ledger.record(noted(rejections))


async def evaluate(collaborators: Collaborators) -> list[Certificate]:
    """Certify every store-day that changed since it was last looked at; log what became of it.

    Returns those certificates. An open day without a gap is not certified: nothing else could be
    said of it yet, and most days are such most of the time. A day that changes meanwhile is due
    again: its version tells. What is new about a closed day is issued before the day counts as
    looked at, so that a crash between the two repeats the look, which finds it issued.
    """
    ledger = collaborators.ledger
    before = {each.day: each for each in await ledger.evaluations(other_than=Verdict.BALANCED)}
    due = await ledger.unevaluated(_DAYS_PER_RUN)
    certificates: list[Certificate] = []
    for start in range(0, len(due), _DAYS_AT_ONCE):
        part = due[start : start + _DAYS_AT_ONCE]
        quiet = await ledger.gapless(part)
        await ledger.evaluated(
            [Evaluation(day, version, Verdict.OPEN, 0) for day, version in quiet.items()]
        )
        loud = [day for day in part if day not in quiet]
        certificates += await _evaluate(collaborators, loud, before)
    changed = {day.company for day in due}
    await _meter(ledger, changed, collaborators.clock().date())
    return certificates


async def _evaluate(
    collaborators: Collaborators, days: Sequence[StoreDay], before: Mapping[StoreDay, Evaluation]
) -> list[Certificate]:
    known = await collaborators.ledger.entries(days)
    # In a thread: a day of 20,000 sales takes a second, which nobody else should wait for.
    looks = await asyncio.to_thread(lambda: [look for each in known if (look := _look(each))])
    drafts = [draft(day.day, certificate) for day, certificate in looks]
    await collaborators.certificates.issue([each for each in drafts if each], collaborators.clock())
    await collaborators.ledger.evaluated(
        [
            Evaluation(each.day, each.version, certificate.verdict, certificate.missing_sequences)
            for each, certificate in looks
        ]
    )
    for each, certificate in looks:
        _report(each.day, certificate, before.get(each.day))
    return [certificate for _, certificate in looks]


def _look(day: DayEntries) -> tuple[DayEntries, Certificate] | None:
    try:
        return day, certify(day.day, day.entries)
    except Exception:  # our bug, which must not keep the other days from being certified
        _log.exception("Store-day %s cannot be certified", day.day)
        return None


def _report(day: StoreDay, certificate: Certificate, before: Evaluation | None) -> None:
    """Log a verdict when it is new, and when sequences begin or cease to be missing.

    An open day is still moving, and named only if a sale is missing. While a backlog drains, every
    look at a day finds other documents missing, and nobody could read a line for each.
    """
    missing = certificate.missing_sequences > 0
    if before and (before.verdict, before.missing_sequences > 0) == (certificate.verdict, missing):
        return
    if certificate.verdict is Verdict.BALANCED:
        _log.info("Store-day %s is balanced: %d documents", day, certificate.documents_posted)
    elif certificate.verdict is not Verdict.OPEN or missing:
        _log.warning("Store-day %s is %s: %s", day, certificate.verdict.value, _why(certificate))


def _why(certificate: Certificate) -> str:
    named = "; ".join(certificate.reasons[:_REASONS_NAMED])
    more = len(certificate.reasons) - _REASONS_NAMED
    return f"{named}; and {more} more" if more > 0 else named


async def _meter(ledger: Ledger, changed: set[str], today: date) -> None:
    """Meter what is missing and not closed per company, and zero where a change has left nothing.

    A day counts as not closed once the whole day after it is over, wherever its store is.
    """
    missing = Counter(dict.fromkeys(changed, 0))
    not_closed = Counter(dict.fromkeys(changed, 0))
    for each in await ledger.evaluations(other_than=Verdict.BALANCED):
        missing[each.day.company] += each.missing_sequences
        is_late = each.verdict == Verdict.OPEN and each.day.business_day < today - _CLOSES_WITHIN
        not_closed[each.day.company] += is_late
    for company, sequences in missing.items():
        MISSING_SEQUENCES.set(sequences, {"company": company})
        DAYS_NOT_CLOSED.set(not_closed[company], {"company": company})
