"""What keeps a store-day from balancing, as sentences a person in finance can act on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.completeness.certificate import RejectedFact, Terminal, Transaction, Verdict
from services.completeness.drawers import z_totals_comparable
from services.completeness.evidence import Evidence
from services.completeness.sequences import outside
from shared.events import StoreDayClosed, TerminalDay
from shared.store.effects import FactEffects
from shared.store.ledger_entries import LEDGER

_NAMED = 10
"""How many sequences one sentence names; the certificate's lists hold them all."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and the verdict it alone would lead to."""

    verdict: Verdict
    sentence: str


def verdict(found: Sequence[Finding]) -> Verdict:
    """Return the verdict that takes precedence; balanced when nothing was found."""
    ranks = list(Verdict)
    return min((each.verdict for each in found), key=ranks.index, default=Verdict.BALANCED)


def findings(evidence: Evidence) -> list[Finding]:
    """Return everything found, gravest verdict first."""
    found = [
        *_gaps(evidence.terminals),
        *_rejections(evidence.rejected),
        *_half_booked(evidence.half_booked),
        *_one_sided(evidence.facts_without_document, "{} fact{s} without a document yet"),
        *_one_sided(evidence.documents_without_fact, "{} document{s} whose fact was not seen"),
        *_repeated(evidence.terminals),
        *_disagreements(evidence),
        *_taken_back(evidence),
    ]
    if evidence.closed is None:
        found += _still_open(evidence)
    else:
        found += _against_the_store(evidence.closed, evidence)
    ranks = list(Verdict)
    return sorted(found, key=lambda each: ranks.index(each.verdict))


def _gaps(terminals: Iterable[Terminal]) -> Iterator[Finding]:
    for terminal in terminals:
        if terminal.missing:
            yield Finding(
                Verdict.INCOMPLETE,
                f"terminal {terminal.terminal}: no fact for sequence {_list(terminal.missing)}",
            )


def _rejections(rejected: Iterable[RejectedFact]) -> Iterator[Finding]:
    by_reason: dict[str, list[RejectedFact]] = {}
    for each in rejected:
        if not each.posted_later:
            by_reason.setdefault(each.reason, []).append(each)
    for reason, those in sorted(by_reason.items()):
        yield Finding(Verdict.INCOMPLETE, f"rejected, {reason}: {_places(those)}")


def _half_booked(halves: Iterable[FactEffects]) -> Iterator[Finding]:
    by_effects: dict[tuple[str, str], list[str]] = {}
    for each in halves:
        booked = ", ".join(sorted({one.effect for one in each.standing}))
        refused = ", ".join(sorted({f"{one.effect} ({one.reason})" for one in each.outstanding}))
        by_effects.setdefault((booked, refused), []).append(_place(each))
    for (booked, refused), places in sorted(by_effects.items()):
        yield Finding(
            Verdict.INCOMPLETE, f"half-booked, {booked} yes, {refused} no: {_list(places)}"
        )


def _one_sided(transactions: Sequence[Transaction], sentence: str) -> Iterator[Finding]:
    if transactions:
        plural = "" if len(transactions) == 1 else "s"
        what = sentence.format(len(transactions), s=plural)
        yield Finding(Verdict.INCOMPLETE, f"{what}: {_places(transactions)}")


def _repeated(terminals: Iterable[Terminal]) -> Iterator[Finding]:
    for terminal in terminals:
        if terminal.repeated:
            yield Finding(
                Verdict.DIFFERS,
                f"terminal {terminal.terminal}: more than one fact claims sequence "
                f"{_list(terminal.repeated)}",
            )


def _disagreements(evidence: Evidence) -> Iterator[Finding]:
    for each in evidence.disagreements:
        yield Finding(
            Verdict.DIFFERS,
            f"{each.terminal}/{each.sequence} is {each.fact_amount} {each.fact_currency} at the "
            f"till and {each.document_amount} {each.document_currency} in the ledger",
        )


def _taken_back(evidence: Evidence) -> Iterator[Finding]:
    """What was taken back from the ledger is money of the till that is not in the books."""
    for effects in evidence.taken_back:
        for reversal in effects.reversals:
            if reversal.effect == LEDGER:
                yield Finding(
                    Verdict.DIFFERS,
                    f"{_place(effects)} was taken back from the ledger on order: "
                    f"{reversal.amount} {reversal.currency}",
                )


def _still_open(evidence: Evidence) -> Iterator[Finding]:
    opened = evidence.opened
    since = f", open since {opened.opened_at:%Y-%m-%d %H:%M} UTC" if opened else ""
    yield Finding(Verdict.OPEN, f"the store has not closed the day yet{since}")
    silent = sorted(set(opened.terminals) - evidence.used.keys()) if opened else []
    if silent:
        plural = "" if len(silent) == 1 else "s"
        yield Finding(
            Verdict.OPEN, f"nothing was seen of {len(silent)} opened terminal{plural}: "
            f"{_list(silent)}"
        )  # fmt: skip


def _against_the_store(closed: StoreDayClosed, evidence: Evidence) -> Iterator[Finding]:
    """Compare what was seen with what the store says; what is missing is found by `_gaps`."""
    for terminal in evidence.terminals:
        stated = evidence.stated.get(terminal.terminal)
        if stated is None:
            sentence = f"terminal {terminal.terminal} is not in the store's day close"
            yield Finding(Verdict.DIFFERS, sentence)
        else:
            yield from _against_its_counters(stated, terminal, evidence)
    facts = evidence.awaited
    foreign = sorted({fact.currency for fact in facts} - {closed.currency})
    if foreign:
        sentence = (
            f"the day close totals {closed.currency}, but there are facts in {_list(foreign)}"
        )
        yield Finding(Verdict.DIFFERS, sentence)
    total = sum((f.amount for f in facts if f.currency == closed.currency), Decimal(0))
    if total != closed.total:
        yield Finding(
            Verdict.DIFFERS,
            f"the store's total is {closed.total} {closed.currency}, its facts sum to {total}",
        )
    if z_totals_comparable(facts):
        yield from _against_z_totals(evidence)


def _against_its_counters(
    stated: TerminalDay, terminal: Terminal, evidence: Evidence
) -> Iterator[Finding]:
    name = terminal.terminal
    numbers = [each.number for each in evidence.used.get(name, [])]
    strays = outside(stated.runs, numbers)
    if strays and len(stated.runs) == 1:
        yield Finding(
            Verdict.DIFFERS,
            f"terminal {name}: sequences {terminal.first}-{terminal.last} were used, "
            f"the store says {stated.first_sequence}-{stated.last_sequence}",
        )
    elif strays:
        runs = _list([f"{first}-{last}" for first, last in stated.runs])
        sentence = f"terminal {name}: sequence {_list(strays)} was used, the store says {runs}"
        yield Finding(Verdict.DIFFERS, sentence)
    known = {(each.last_before, each.first_after) for each in stated.resets}
    for reset in evidence.resets.get(name, []):
        if (reset.last_before, reset.first_after) not in known:
            yield Finding(
                Verdict.DIFFERS,
                f"terminal {name}: the till's counter began again at {reset.first_after} after "
                f"{reset.last_before}, which the store's day close does not say",
            )
    counted = (
        ("sales", stated.sales, terminal.transactions.get("sale", 0)),
        ("returns", stated.returns, terminal.transactions.get("return", 0)),
    )
    for what, said, seen in counted:
        if said != seen:
            sentence = (
                f"terminal {name}: the store counts {said} {what}, {seen} valid ones were seen"
            )
            yield Finding(Verdict.DIFFERS, sentence)


def _against_z_totals(evidence: Evidence) -> Iterator[Finding]:
    for each in evidence.tenders:
        if each.z_total is not None and each.z_total != each.taken:
            yield Finding(
                Verdict.DIFFERS,
                f"the store's {each.type} total is {each.z_total} {each.currency}, "
                f"its facts come to {each.taken}",
            )


def _place(effects: FactEffects) -> str:
    return f"{effects.key.terminal}/{effects.key.sequence}" if effects.key else str(effects.fact_id)


def _places(those: Sequence[Transaction] | Sequence[RejectedFact]) -> str:
    return _list([f"{each.terminal}/{each.sequence}" for each in those])


def _list(values: Sequence[Any]) -> str:
    named = ", ".join(map(str, values[:_NAMED]))
    more = len(values) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
