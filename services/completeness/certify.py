"""The entries of one store-day -> its certificate. Pure: no clock, no I/O, any order of entries."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from services.completeness.amounts import plain
from services.completeness.certificate import (
    Amounts,
    BookedEffect,
    Certificate,
    DayClose,
    DayOpen,
    HalfBooked,
    RefusedEffect,
    TakenBack,
    Waived,
)
from services.completeness.evidence import Evidence
from services.completeness.findings import findings, verdict
from shared.events import StoreDayClosed, StoreDayOpened
from shared.store.effects import FactEffects
from shared.store.ledger_entries import LEDGER, Entries, StoreDay


def certify(day: StoreDay, entries: Entries) -> Certificate:
    """Return what these entries, all of this day, say about it."""
    evidence = Evidence(entries)
    found = findings(evidence)
    return Certificate(
        company=day.company,
        store=day.store,
        business_day=day.business_day,
        verdict=verdict(found),
        reasons=tuple(each.sentence for each in found),
        facts_seen=len(evidence.awaited) + len(evidence.sales_only_rejected),
        documents_posted=len(evidence.booked),
        missing_sequences=sum(
            len(gap) for terminal in evidence.terminals for gap in terminal.missing
        ),
        amounts=_amounts(evidence),
        tenders=evidence.tenders,
        terminals=evidence.terminals,
        rejected=evidence.rejected,
        facts_without_document=evidence.facts_without_document,
        documents_without_fact=evidence.documents_without_fact,
        disagreements=evidence.disagreements,
        half_booked=tuple(map(half_booked, evidence.half_booked)),
        waived=tuple(part for effects in evidence.waived for part in _waived(effects)),
        taken_back=tuple(part for effects in evidence.taken_back for part in _taken_back(effects)),
        day_open=_day_open(evidence.opened),
        day_close=_day_close(evidence.closed),
    )


def half_booked(effects: FactEffects) -> HalfBooked:
    """Return what stands of a fact and what was refused; of no terminal if it is no till's."""
    key = effects.key
    return HalfBooked(
        terminal=key.terminal if key else "",
        sequence=key.sequence if key else 0,
        fact_id=effects.fact_id,
        booked=tuple(
            BookedEffect(effect=each.effect, document=each.document_key, posted_at=each.posted_at)
            for each in effects.standing
        ),
        refused=tuple(
            RefusedEffect(
                effect=each.effect,
                subscription=each.subscription,
                reason=each.reason,
                detail=each.detail,
                rejected_at=each.rejected_at,
            )
            for each in effects.outstanding
        ),
    )


def _taken_back(effects: FactEffects) -> Iterable[TakenBack]:
    key = effects.key
    for reversal in effects.reversals:
        yield TakenBack(
            terminal=key.terminal if key else "",
            sequence=key.sequence if key else 0,
            fact_id=effects.fact_id,
            effect=reversal.effect,
            document=reversal.document_key,
            amount=plain(reversal.amount, reversal.currency),
            currency=reversal.currency,
            posted_at=reversal.posted_at,
        )


def _waived(effects: FactEffects) -> Iterable[Waived]:
    key = effects.key
    for each in effects.waived:
        yield Waived(
            terminal=key.terminal if key else "",
            sequence=key.sequence if key else 0,
            fact_id=effects.fact_id,
            effect=each.effect,
            why=each.detail,
            waived_at=each.rejected_at,
        )


def _amounts(evidence: Evidence) -> tuple[Amounts, ...]:
    seen = _sums((fact.currency, fact.amount) for fact in evidence.awaited)
    booked = _sums(
        [
            *((each.currency, each.amount) for each in evidence.booked.values()),
            *(
                (each.currency, each.amount)
                for each in evidence.entries.reversals
                if each.effect == LEDGER
            ),
        ]
    )
    return tuple(
        Amounts(
            currency=currency,
            facts=plain(seen.get(currency, Decimal(0)), currency),
            documents=plain(booked.get(currency, Decimal(0)), currency),
            difference=plain(
                booked.get(currency, Decimal(0)) - seen.get(currency, Decimal(0)), currency
            ),
        )
        for currency in sorted((seen.keys() | booked.keys()) - {""})
    )


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def _day_open(opened: StoreDayOpened | None) -> DayOpen | None:
    if opened is None:
        return None
    return DayOpen(opened_at=opened.opened_at, terminals=opened.terminals)


def _day_close(closed: StoreDayClosed | None) -> DayClose | None:
    if closed is None:
        return None
    return DayClose(
        revision=closed.revision,
        closed_at=closed.closed_at,
        currency=closed.currency,
        total=plain(closed.total, closed.currency),
    )
