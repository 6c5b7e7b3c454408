"""What keeps a store-day from balancing, as sentences a person in finance can act on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.completeness.certificate import (
    Disagreement,
    RejectedFact,
    SequenceRange,
    Terminal,
    Transaction,
    Verdict,
)
from shared.events import SaleCompleted, SaleReturned, StoreDayClosed, TerminalDay
from shared.store.ledger import SeenFact

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


def findings(
    closed: StoreDayClosed | None,
    terminals: Sequence[Terminal],
    facts: Sequence[SeenFact],
    rejected: Sequence[RejectedFact],
    facts_without_document: Sequence[Transaction],
    documents_without_fact: Sequence[Transaction],
    disagreements: Sequence[Disagreement],
) -> list[Finding]:
    """Return everything found, gravest verdict first."""
    found = [
        *_gaps(terminals),
        *_rejections(rejected),
        *_one_sided(facts_without_document, "{} fact{s} without a document yet"),
        *_one_sided(documents_without_fact, "{} document{s} whose fact was not seen"),
        *_repeated(terminals),
        *_disagreements(disagreements),
    ]
    if closed is None:
        found.append(Finding(Verdict.OPEN, "the store has not closed the day yet"))
    else:
        found += _against_the_store(closed, terminals, facts)
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


def _disagreements(disagreements: Iterable[Disagreement]) -> Iterator[Finding]:
    for each in disagreements:
        yield Finding(
            Verdict.DIFFERS,
            f"{each.terminal}/{each.sequence} is {each.fact_amount} {each.fact_currency} at the "
            f"till and {each.document_amount} {each.document_currency} in the ledger",
        )


def _against_the_store(
    closed: StoreDayClosed, terminals: Sequence[Terminal], facts: Sequence[SeenFact]
) -> Iterator[Finding]:
    """Compare what was seen with what the store says; what is missing is found by `_gaps`."""
    stated = {each.terminal: each for each in closed.terminals}
    for terminal in terminals:
        if terminal.terminal not in stated:
            sentence = f"terminal {terminal.terminal} is not in the store's day close"
            yield Finding(Verdict.DIFFERS, sentence)
        else:
            yield from _against_its_counters(stated[terminal.terminal], terminal, facts)
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


def _against_its_counters(
    stated: TerminalDay, terminal: Terminal, facts: Sequence[SeenFact]
) -> Iterator[Finding]:
    name = terminal.terminal
    if (terminal.first, terminal.last) != (stated.first_sequence, stated.last_sequence):
        yield Finding(
            Verdict.DIFFERS,
            f"terminal {name}: sequences {terminal.first}-{terminal.last} were used, "
            f"the store says {stated.first_sequence}-{stated.last_sequence}",
        )
    types = [fact.fact_type for fact in facts if fact.key.terminal == name]
    counted = (
        ("sales", stated.sales, types.count(SaleCompleted.TYPE)),
        ("returns", stated.returns, types.count(SaleReturned.TYPE)),
    )
    for what, said, seen in counted:
        if said != seen:
            sentence = (
                f"terminal {name}: the store counts {said} {what}, {seen} valid ones were seen"
            )
            yield Finding(Verdict.DIFFERS, sentence)


def _places(those: Sequence[Transaction] | Sequence[RejectedFact]) -> str:
    return _list([f"{each.terminal}/{each.sequence}" for each in those])


def _list(values: Sequence[SequenceRange] | Sequence[int] | Sequence[str]) -> str:
    named = ", ".join(map(str, values[:_NAMED]))
    more = len(values) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
