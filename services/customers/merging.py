"""Merge what facts say and what Dynamics holds into a customer's profile. Pure.

Two systems that say different things of a field are a conflict. The field's rule decides it at
once, or keeps what holds and lets a person decide; what does not hold is kept either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.customers.authority import BOOKS, SENT, Authority, Rule
from services.customers.profile import (
    LONG_AGO,
    Claim,
    CustomerFact,
    FieldClaims,
    Held,
    Profile,
    claims_of,
    kind_of,
    same,
)
from shared.dynamics.ports.master_data import Customer
from shared.reviews import CONFLICTS, OPEN, RESOLVED, Conflict, Ending, ended
from shared.store.records import Record


@dataclass
class Merging:
    """One customer's profile while claims come in. `version` is that of the record to be written,
    which makes the keys of its conflicts new."""

    company: str
    number: str
    profile: Profile
    authority: Authority
    version: int
    now: datetime
    found: dict[str, tuple[str, Conflict]] = field(default_factory=dict)
    """Conflicts found: key -> state and conflict."""
    endings: dict[str, Ending] = field(default_factory=dict)
    """How conflicts that were open have ended."""

    def take(self, fact: CustomerFact) -> frozenset[str]:
        """Merge one fact; return the fields of which it says something older than is known."""
        kind = kind_of(fact)
        known = self.profile.kind.claims
        if kind and (kind.origin not in known or kind.said_after(known[kind.origin])):
            told = FieldClaims(claims={**known, kind.origin: kind})
            self.profile = self.profile.model_copy(update={"kind": told})
        return frozenset(name for name, claim in claims_of(fact) if not self.claim(name, claim))

    def observe(self, book: str, found: Customer | None, fields: tuple[str, ...] = SENT) -> None:
        """Merge what a book holds that is not from us, or is the book's to say.

        Only fields that somebody else speaks of are compared, and from then on known as compared.
        """
        if found is None:
            return
        for name, claim in list(self._observed(book, found, fields)):
            self.claim(name, claim)
        compared = (name for name in fields if self._claims(name).others(book))
        values = {name: getattr(found, name) for name in compared}
        held = {**self.profile.held, book: Held(values=values, at=self.profile.after(self.now))}
        self.profile = self.profile.model_copy(update={"held": held})

    def decide(self, key: str, conflict: Conflict, accepted: bool) -> None:
        """Carry out a person's decision on a conflict of this customer."""
        claims = self._claims(conflict.field)
        waiting = claims.open.get(conflict.other.by)
        if waiting != key:
            self.endings[key] = "superseded"
            return
        rest = {party: each for party, each in claims.open.items() if each != key}
        holds = conflict.other.by if accepted else claims.decided
        self._put(conflict.field, claims, open=rest, decided=holds)
        self.endings[key] = "accepted" if accepted else "rejected"

    def claim(self, name: str, claim: Claim) -> bool:
        """Merge one claim on one field; return False if it is stale."""
        rule, claims = self.authority.rule(self.company, name), self._claims(name)
        known, party = claims.claims.get(claim.origin), claims.of(claim.by)
        if known is not None and not claim.said_after(known):
            return claim == known
        before = claims.in_force(rule)
        claims = self._put(name, claims, claims={**claims.claims, claim.origin: claim})
        if claims.of(claim.by) != claim:
            return False
        if party is None or claim.by in BOOKS or not same(name, party.value, claim.value):
            self._settle(name, rule, claim, before)
        self._agree(name, rule)
        return True

    def _settle(self, name: str, rule: Rule, claim: Claim, before: Claim | None) -> None:
        """Find the conflict that a party's new value makes with what held before."""
        claims = self._claims(name)
        if rule.strategy == "manual":
            self._wait(name, rule, claim, before)
            return
        now = claims.in_force(rule)
        if before is None or now is None or same(name, before.value, claim.value):
            return
        loser = before if now.by == claim.by else claim
        if loser.by != now.by and not same(name, loser.value, now.value):
            self._found(name, rule, now, loser, RESOLVED)

    def _wait(self, name: str, rule: Rule, claim: Claim, before: Claim | None) -> None:
        claims = self._claims(name)
        if before is None or before.by == claim.by:
            self._put(name, claims, decided=claim.by)
        elif not same(name, before.value, claim.value):
            if not claims.decided:
                claims = self._put(name, claims, decided=before.by)
            if claim.by in claims.open:
                self.endings[claims.open[claim.by]] = "superseded"
            key = self._found(name, rule, before, claim, OPEN)
            self._put(name, claims, open={**claims.open, claim.by: key})

    def _agree(self, name: str, rule: Rule) -> None:
        """End the open conflicts of those who say by now what holds, or whom a new rule decides."""
        claims = self._claims(name)
        holds = claims.in_force(rule)
        for party, key in claims.open.items():
            claim = claims.of(party)
            if rule.strategy != "manual":
                self.endings[key] = "by-rule"
            elif holds and claim and same(name, holds.value, claim.value):
                self.endings[key] = "agreed"
        rest = {party: key for party, key in claims.open.items() if key not in self.endings}
        if rest != claims.open:
            self._put(name, claims, open=rest)

    def _observed(
        self, book: str, found: Customer, fields: tuple[str, ...]
    ) -> Iterator[tuple[str, Claim]]:
        held = self.profile.held.get(book, Held())
        for name in fields:
            value, claims = getattr(found, name), self._claims(name)
            if not claims.others(book):
                continue
            known, ours = claims.claims.get(book), self.profile.ours(book, name)
            if value and self._owns(name, book):
                is_news = known is None or not same(name, known.value, value)
            else:
                holds = claims.in_force(self.authority.rule(self.company, name))
                expected = [*ours, *([holds.value] if holds else [])]
                is_news = bool(value or ours) and not any(same(name, value, e) for e in expected)
            if is_news:
                claim = Claim(
                    by=book,
                    origin=book,
                    value=value,
                    version=known.version + 1 if known else 1,
                    # Changed there since we last looked; Dynamics does not say when.
                    changed_at=held.at if name in held.values else LONG_AGO,
                )
                yield name, claim

    def _owns(self, name: str, book: str) -> bool:
        """Whether the book is believed before whoever else speaks of the field: what is set there
        stays, whoever has set it."""
        rule = self.authority.rule(self.company, name)
        rivals = [claim.by for claim in self._claims(name).claims.values() if claim.by != book]
        return rule.strategy == "source-priority" and all(
            rule.rank(book) < rule.rank(rival) for rival in rivals
        )

    def records(
        self, before: Record | None, profiles: str, conflicts: Mapping[str, Record]
    ) -> list[Record]:
        """Return what is to be written: the profile, if it has changed, with its conflicts.

        `conflicts` are the stored ones that are not resolved, by key.
        """
        profile = self.profile.model_dump_json(exclude_defaults=True)
        written = [
            ended(conflicts[key], ending, self.now)
            for key, ending in self.endings.items()
            if key in conflicts
        ]
        written += [self._record(key, *found) for key, found in self.found.items()]
        if not written and before is not None and before.text == profile:
            return []
        key = f"{self.company}/{self.number}"
        return [Record(profiles, key, self.version, "", profile, self.now), *written]

    def _record(self, key: str, state: str, conflict: Conflict) -> Record:
        if key in self.endings:
            state, ending = RESOLVED, self.endings[key]
            conflict = conflict.model_copy(update={"ending": ending})
        text = conflict.model_dump_json()
        return Record(CONFLICTS, key, 1, state, text, self.now)

    def _found(self, name: str, rule: Rule, holds: Claim, other: Claim, state: str) -> str:
        key = f"{self.company}/{self.number}/{self.version:06}-{len(self.found) + 1}-{name}"
        conflict = Conflict(
            company=self.company,
            customer=self.number,
            field=name,
            strategy=rule.strategy,
            in_force=holds.saying(),
            other=other.saying(),
            found_at=self.now,
            ending="by-rule" if state == RESOLVED else None,
        )
        self.found[key] = (state, conflict)
        return key

    def _claims(self, name: str) -> FieldClaims:
        return self.profile.fields.get(name, FieldClaims())

    def _put(self, name: str, was: FieldClaims, **changes: object) -> FieldClaims:
        changed = was.model_copy(update=changes)
        fields = {**self.profile.fields, name: changed}
        self.profile = self.profile.model_copy(update={"fields": fields})
        return changed
