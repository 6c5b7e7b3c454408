"""The entries of one store-day, related to each other. Pure: no clock, no I/O, any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from services.completeness.amounts import plain
from services.completeness.certificate import (
    Disagreement,
    RejectedFact,
    Tender,
    Terminal,
    Transaction,
)
from services.completeness.drawers import tenders
from services.completeness.kinds import AWAITED, MONEY_EFFECTS, WORTH_MONEY, kind, worth
from services.completeness.sequences import Reset, Used, sequences
from shared.events import StoreDayClosed, StoreDayOpened, TerminalDay
from shared.store.effects import ABOUT_THE_MESSAGE, FactEffects, by_fact
from shared.store.ledger_entries import (
    LEDGER,
    Entries,
    PostedDocument,
    Rejection,
    SeenFact,
    in_till_order,
)

Position = tuple[str, int]
"""Terminal and sequence."""

Row = TypeVar("Row", SeenFact, PostedDocument)


@dataclass(frozen=True)
class Evidence:
    """What the entries say of each other; every tuple is in the order of tills and sequences."""

    entries: Entries

    @cached_property
    def facts(self) -> dict[UUID, SeenFact]:
        """Every valid transaction by id."""
        return {fact.fact_id: fact for fact in self.entries.facts}

    @cached_property
    def awaited(self) -> list[SeenFact]:
        """Sales and returns, in till order."""
        found = [fact for fact in self.entries.facts if fact.fact_type in AWAITED]
        return sorted(found, key=in_till_order)

    @cached_property
    def booked(self) -> dict[UUID, PostedDocument]:
        """Documents in the ledger by fact, taken back or not."""
        return {each.fact_id: each for each in self.entries.documents if each.effect == LEDGER}

    @cached_property
    def effects(self) -> dict[UUID, FactEffects]:
        """What has become of each fact of which something was refused or taken back."""
        entries = self.entries
        spoken_of = {each.fact_id for each in entries.rejections}
        spoken_of |= {each.fact_id for each in entries.reversals}
        documents = (each for each in entries.documents if each.fact_id in spoken_of)
        return by_fact(documents, entries.rejections, entries.reversals)

    @cached_property
    def closed(self) -> StoreDayClosed | None:
        for closed in self.entries.closed:
            return StoreDayClosed.model_validate_json(closed.payload)
        return None

    @cached_property
    def opened(self) -> StoreDayOpened | None:
        for opened in self.entries.opened:
            return StoreDayOpened.model_validate_json(opened.payload)
        return None

    @cached_property
    def tenders(self) -> tuple[Tender, ...]:
        return tenders(self.entries.facts, self.closed)

    @cached_property
    def half_booked(self) -> list[FactEffects]:
        found = [each for each in self.effects.values() if each.is_half_booked]
        return sorted(found, key=_effects_in_till_order)

    @cached_property
    def waived(self) -> list[FactEffects]:
        """Facts with an effect that was refused and is not wanted."""
        found = [each for each in self.effects.values() if each.waived]
        return sorted(found, key=_effects_in_till_order)

    @cached_property
    def taken_back(self) -> list[FactEffects]:
        """Facts with an effect that was booked and taken back."""
        found = [each for each in self.effects.values() if each.reversals]
        return sorted(found, key=_effects_in_till_order)

    @cached_property
    def rejected(self) -> tuple[RejectedFact, ...]:
        return tuple(
            RejectedFact(
                terminal=rejection.key.terminal,
                sequence=rejection.key.sequence,
                fact_id=rejection.fact_id,
                subscription=rejection.subscription,
                reason=rejection.reason,
                detail=rejection.detail,
                rejected_at=rejection.rejected_at,
                posted_later=self._is_settled(rejection),
            )
            for rejection in sorted(self.entries.rejections, key=in_till_order)
            if rejection.key and rejection.effect in MONEY_EFFECTS
        )

    def _is_settled(self, rejection: Rejection) -> bool:
        """Whether the transaction is where it belongs after all.

        By fact id, or, when no valid fact has that id (the refused message may have carried any),
        by terminal and sequence. What is never booked is settled by a valid fact of its number.
        """
        if rejection.fact_id is not None and rejection.effect in self._effects_booked.get(
            rejection.fact_id, ()
        ):
            return True
        if rejection.fact_id not in self.facts and position(rejection) in self._positions_booked:
            return True
        return rejection.reason in ABOUT_THE_MESSAGE and position(rejection) in self._only_counted

    @cached_property
    def _effects_booked(self) -> dict[UUID, set[str]]:
        booked: dict[UUID, set[str]] = {}
        for each in self.entries.documents:
            booked.setdefault(each.fact_id, set()).add(each.effect)
        return booked

    @cached_property
    def _positions_booked(self) -> set[Position]:
        return {position(document) for document in self.booked.values()}

    @cached_property
    def _only_counted(self) -> set[Position]:
        return {position(f) for f in self.entries.facts if f.fact_type not in AWAITED}

    @cached_property
    def sales_only_rejected(self) -> set[Position]:
        """Sales and returns of which only an invalid message was seen."""
        seen = {position(fact) for fact in self.entries.facts}
        return {
            position(each)
            for each in self.entries.rejections
            if each.key and each.effect in MONEY_EFFECTS and each.fact_type in {"", *AWAITED}
        } - seen

    @cached_property
    def facts_without_document(self) -> tuple[Transaction, ...]:
        rejected = {each.fact_id for each in self.rejected}
        return _transactions(
            fact
            for fact in self.awaited
            if fact.fact_id not in self.booked and fact.fact_id not in rejected
        )

    @cached_property
    def documents_without_fact(self) -> tuple[Transaction, ...]:
        return _transactions(
            document for document in self.booked.values() if document.fact_id not in self.facts
        )

    @cached_property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Documents of sales and of moved cash that are not worth what their facts are."""
        booked = [each for each in self.entries.documents if each.effect in MONEY_EFFECTS]
        pairs = [
            (fact, document)
            for document in sorted(booked, key=in_till_order)
            if (fact := self.facts.get(document.fact_id)) and fact.fact_type in WORTH_MONEY
        ]
        return tuple(
            Disagreement(
                terminal=fact.key.terminal,
                sequence=fact.key.sequence,
                fact_id=fact.fact_id,
                fact_amount=plain(worth(fact), fact.currency),
                fact_currency=fact.currency,
                document_amount=plain(document.amount, document.currency),
                document_currency=document.currency,
            )
            for fact, document in pairs
            if worth(fact) != document.amount
            or (document.amount and fact.currency != document.currency)
        )

    @cached_property
    def used(self) -> dict[str, list[Used]]:
        """Numbers that anything claims, by terminal."""
        used: dict[str, list[Used]] = {}
        for fact in self.entries.facts:
            here = used.setdefault(fact.key.terminal, [])
            here.append(Used(fact.key.sequence, fact.occurred_at))
        rows: Iterable[PostedDocument | Rejection] = (
            *self.booked.values(),
            *(each for each in self.entries.rejections if each.effect in MONEY_EFFECTS),
        )
        for row in rows:
            if row.key:
                used.setdefault(row.key.terminal, []).append(Used(row.key.sequence))
        return used

    @cached_property
    def resets(self) -> dict[str, list[Reset]]:
        """Counters that began again, as the tills say."""
        found: dict[str, list[Reset]] = {}
        for fact in self.entries.facts:
            if fact.last_before is not None and fact.occurred_at is not None:
                reset = Reset(fact.occurred_at, fact.last_before, fact.key.sequence)
                found.setdefault(fact.key.terminal, []).append(reset)
        return found

    @cached_property
    def stated(self) -> dict[str, TerminalDay]:
        """Counters as the store's close states them, by terminal."""
        return {each.terminal: each for each in self.closed.terminals} if self.closed else {}

    @cached_property
    def terminals(self) -> tuple[Terminal, ...]:
        facts = _by_terminal(self.entries.facts)
        documents = Counter(each.key.terminal for each in self.booked.values() if each.key)
        rejected = Counter(each.terminal for each in self.rejected)
        return tuple(
            self._terminal(name, facts.get(name, []), documents[name], rejected[name])
            for name in sorted(self.used.keys() | self.stated.keys())
        )

    def _terminal(
        self, name: str, facts: Sequence[SeenFact], documents: int, rejected: int
    ) -> Terminal:
        counted = sequences(
            self.used.get(name, []), self.stated.get(name), self.resets.get(name, [])
        )
        numbers = Counter(fact.key.sequence for fact in facts)
        return Terminal(
            terminal=name,
            first=counted.runs[0].first,
            last=counted.runs[-1].last,
            runs=counted.runs,
            missing=counted.missing,
            repeated=tuple(sorted(number for number, times in numbers.items() if times > 1)),
            facts=len(facts),
            transactions=dict(sorted(Counter(map(kind, facts)).items())),
            documents=documents,
            rejected=rejected,
        )


def position(row: SeenFact | PostedDocument | Rejection) -> Position:
    return (row.key.terminal, row.key.sequence) if row.key else ("", 0)


def _effects_in_till_order(effects: FactEffects) -> tuple[str, int, str]:
    place = (effects.key.terminal, effects.key.sequence) if effects.key else ("", 0)
    return (*place, str(effects.fact_id))


def _by_terminal(facts: Iterable[SeenFact]) -> dict[str, list[SeenFact]]:
    found: dict[str, list[SeenFact]] = {}
    for fact in facts:
        found.setdefault(fact.key.terminal, []).append(fact)
    return found


def _transactions(rows: Iterable[Row]) -> tuple[Transaction, ...]:
    return tuple(
        Transaction(
            terminal=row.key.terminal,
            sequence=row.key.sequence,
            fact_id=row.fact_id,
            amount=plain(row.amount, row.currency),
            currency=row.currency,
        )
        for row in sorted(rows, key=in_till_order)
        if row.key
    )
