"""The entries of one store-day -> its certificate. Pure: no clock, no I/O, any order of entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from services.completeness.certificate import (
    Amounts,
    Certificate,
    DayClose,
    Disagreement,
    RejectedFact,
    SequenceRange,
    Terminal,
    Transaction,
)
from services.completeness.findings import findings, verdict
from shared.events import StoreDayClosed, smallest_amount
from shared.store.ledger import (
    Entries,
    PostedDocument,
    Rejection,
    SeenFact,
    StoreDay,
    in_till_order,
)


def certify(day: StoreDay, entries: Entries) -> Certificate:
    """Return what these entries, all of this day, say about it.

    A rejection counts as settled once its transaction is in the ledger: by fact id, or, when no
    valid fact has that id (the refused message may have carried any), by terminal and sequence.
    """
    evidence = _Evidence(entries)
    found = findings(
        evidence.closed,
        evidence.terminals,
        entries.facts,
        evidence.rejected,
        evidence.facts_without_document,
        evidence.documents_without_fact,
        evidence.disagreements,
    )
    return Certificate(
        company=day.company,
        store=day.store,
        business_day=day.business_day,
        verdict=verdict(found),
        reasons=tuple(each.sentence for each in found),
        facts_seen=len(entries.facts) + len(evidence.rejected_unseen),
        documents_posted=len(entries.documents),
        missing_sequences=sum(
            len(gap) for terminal in evidence.terminals for gap in terminal.missing
        ),
        amounts=_amounts(entries.facts, entries.documents),
        terminals=evidence.terminals,
        rejected=evidence.rejected,
        facts_without_document=evidence.facts_without_document,
        documents_without_fact=evidence.documents_without_fact,
        disagreements=evidence.disagreements,
        day_close=_day_close(evidence.closed),
    )


@dataclass(frozen=True)
class _Evidence:
    """The entries, related to each other."""

    entries: Entries

    @cached_property
    def facts(self) -> dict[object, SeenFact]:
        return {fact.fact_id: fact for fact in self.entries.facts}

    @cached_property
    def documents(self) -> dict[object, PostedDocument]:
        return {document.fact_id: document for document in self.entries.documents}

    @cached_property
    def closed(self) -> StoreDayClosed | None:
        for closed in self.entries.closed:
            return StoreDayClosed.model_validate_json(closed.payload)
        return None

    @cached_property
    def rejected(self) -> tuple[RejectedFact, ...]:
        booked = {_position(document) for document in self.entries.documents}
        return tuple(
            RejectedFact(
                terminal=rejection.key.terminal,
                sequence=rejection.key.sequence,
                fact_id=rejection.fact_id,
                subscription=rejection.subscription,
                reason=rejection.reason,
                detail=rejection.detail,
                rejected_at=rejection.rejected_at,
                posted_later=rejection.fact_id in self.documents
                or (rejection.fact_id not in self.facts and _position(rejection) in booked),
            )
            for rejection in sorted(self.entries.rejections, key=in_till_order)
            if rejection.key
        )

    @cached_property
    def rejected_unseen(self) -> set[tuple[str, int]]:
        """Transactions of which only an invalid message was seen."""
        seen = {_position(fact) for fact in self.entries.facts}
        return {(each.terminal, each.sequence) for each in self.rejected} - seen

    @cached_property
    def facts_without_document(self) -> tuple[Transaction, ...]:
        rejected = {each.fact_id for each in self.rejected}
        return _transactions(
            fact
            for fact in self.entries.facts
            if fact.fact_id not in self.documents and fact.fact_id not in rejected
        )

    @cached_property
    def documents_without_fact(self) -> tuple[Transaction, ...]:
        return _transactions(
            document for document in self.entries.documents if document.fact_id not in self.facts
        )

    @cached_property
    def disagreements(self) -> tuple[Disagreement, ...]:
        pairs = [
            (fact, self.documents[fact.fact_id])
            for fact in sorted(self.entries.facts, key=in_till_order)
            if fact.fact_id in self.documents
        ]
        return tuple(
            Disagreement(
                terminal=fact.key.terminal,
                sequence=fact.key.sequence,
                fact_id=fact.fact_id,
                fact_amount=_plain(fact.amount, fact.currency),
                fact_currency=fact.currency,
                document_amount=_plain(document.amount, document.currency),
                document_currency=document.currency,
            )
            for fact, document in pairs
            if (fact.amount, fact.currency) != (document.amount, document.currency)
        )

    @cached_property
    def terminals(self) -> tuple[Terminal, ...]:
        closed = {each.terminal: each for each in self.closed.terminals} if self.closed else {}
        facts = Counter(_position(fact) for fact in self.entries.facts)
        documents = Counter(_position(document) for document in self.entries.documents)
        rejected = Counter((each.terminal, each.sequence) for each in self.rejected)
        used: dict[str, set[int]] = {name: set() for name in closed}
        for terminal, sequence in (*facts, *documents, *rejected):
            used.setdefault(terminal, set()).add(sequence)
        return tuple(
            _terminal(
                name,
                sorted(used[name]),
                (closed[name].first_sequence, closed[name].last_sequence) if name in closed else (),
                facts=_of(name, facts),
                documents=_of(name, documents),
                rejected=_of(name, rejected),
            )
            for name in sorted(used)
        )


def _position(row: SeenFact | PostedDocument | Rejection) -> tuple[str, int]:
    return (row.key.terminal, row.key.sequence) if row.key else ("", 0)


def _of(terminal: str, positions: Counter[tuple[str, int]]) -> Counter[int]:
    return Counter({number: n for (name, number), n in positions.items() if name == terminal})


def _terminal(
    name: str,
    used: Sequence[int],
    ends: Sequence[int],
    *,
    facts: Counter[int],
    documents: Counter[int],
    rejected: Counter[int],
) -> Terminal:
    first, last = min([*used, *ends]), max([*used, *ends])
    return Terminal(
        terminal=name,
        first=first,
        last=last,
        missing=tuple(gaps(used, first, last)),
        repeated=tuple(sorted(number for number, times in facts.items() if times > 1)),
        facts=facts.total(),
        documents=documents.total(),
        rejected=rejected.total(),
    )


def gaps(used: Iterable[int], first: int, last: int) -> Iterable[SequenceRange]:
    """Yield what is missing of first..last, both included; `used` is sorted and within them.

    Never counts through a gap: a till may claim any last number.
    """
    expected = first
    for number in used:
        if number > expected:
            yield SequenceRange(first=expected, last=number - 1)
        expected = number + 1
    if expected <= last:
        yield SequenceRange(first=expected, last=last)


def _transactions(rows: Iterable[SeenFact | PostedDocument]) -> tuple[Transaction, ...]:
    return tuple(
        Transaction(
            terminal=row.key.terminal,
            sequence=row.key.sequence,
            fact_id=row.fact_id,
            amount=_plain(row.amount, row.currency),
            currency=row.currency,
        )
        for row in sorted(rows, key=in_till_order)
    )


def _amounts(facts: Sequence[SeenFact], documents: Sequence[PostedDocument]) -> tuple[Amounts, ...]:
    seen, booked = _sums(facts), _sums(documents)
    return tuple(
        Amounts(
            currency=currency,
            facts=_plain(seen.get(currency, Decimal(0)), currency),
            documents=_plain(booked.get(currency, Decimal(0)), currency),
            difference=_plain(
                booked.get(currency, Decimal(0)) - seen.get(currency, Decimal(0)), currency
            ),
        )
        for currency in sorted(seen.keys() | booked.keys())
    )


def _sums(rows: Iterable[SeenFact | PostedDocument]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, Decimal(0)) + row.amount
    return sums


def _plain(amount: Decimal, currency: str) -> Decimal:
    """Return the amount with the currency's digits, so that equal content has equal text."""
    in_minor_units = amount.quantize(smallest_amount(currency))
    # An amount below the minor unit is wrong, and the certificate is where that must show.
    return in_minor_units + 0 if in_minor_units == amount else amount.normalize()


def _day_close(closed: StoreDayClosed | None) -> DayClose | None:
    if closed is None:
        return None
    return DayClose(
        revision=closed.revision,
        closed_at=closed.closed_at,
        currency=closed.currency,
        total=_plain(closed.total, closed.currency),
    )
