"""What is known of one customer: who says what of each field, and what each book holds. Pure.

A profile is one record, changed by compare-and-set. Of each field it keeps the newest claim of
every origin; what holds follows from those claims and the field's rule alone. So the same claims
give the same answer in whatever order and however often they come, unless a person decides.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from services.customers.authority import FIELDS, PARTIES, Rule
from shared.events import ERASED, CustomerRegistered, CustomerUpdated
from shared.reviews import Saying

PROFILES: Final = "customer"
"""Kind of the records; their key is company and customer number."""

LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)
"""When something was said of which nobody knows when."""

PHONE: Final = "phone"

MAX_SENDING: Final = 16
"""Facts whose writing may be under way at once; more are facts that never came to an end."""

PERSON, ORGANISATION = "person", "organisation"

CustomerFact = CustomerRegistered | CustomerUpdated


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Claim(_Frozen):
    """What one origin says of one field. `version` counts within the origin."""

    by: str
    origin: str
    value: str
    version: int
    changed_at: datetime

    def said_after(self, other: Claim) -> bool:
        """Whether it replaces the other; only between claims of one origin."""
        return (self.version, self.changed_at, self.value) > (
            other.version,
            other.changed_at,
            other.value,
        )

    @property
    def age(self) -> tuple[datetime, int, int, str, str]:
        """Orders claims of several origins, the one to believe last."""
        return self.changed_at, self.version, PARTIES.index(self.by), self.origin, self.value

    def saying(self) -> Saying:
        """Return what a reviewer is shown."""
        when = None if self.changed_at == LONG_AGO else self.changed_at
        return Saying(by=self.by, value=self.value, version=self.version, changed_at=when)


class FieldClaims(_Frozen):
    """Everybody's claims on one field.

    `decided` is the party in force where people decide; `open` are the conflicts that wait for
    them, by the party whose claim waits.
    """

    claims: dict[str, Claim] = Field(default_factory=dict)
    decided: str = ""
    open: dict[str, str] = Field(default_factory=dict)

    def of(self, party: str) -> Claim | None:
        """Return what a party says now: the youngest claim of its origins."""
        claims = (claim for claim in self.claims.values() if claim.by == party)
        return max(claims, key=lambda claim: claim.age, default=None)

    def in_force(self, rule: Rule) -> Claim | None:
        """Return the claim that holds."""
        if rule.strategy == "manual" and (claim := self.of(self.decided)):
            return claim
        if rule.strategy == "source-priority":
            ordered = sorted(self.claims.values(), key=lambda claim: claim.age, reverse=True)
            return min(ordered, key=lambda claim: rule.rank(claim.by), default=None)
        return max(self.claims.values(), key=lambda claim: claim.age, default=None)

    def others(self, party: str) -> bool:
        """Whether anybody else says something of the field."""
        return any(claim.by != party for claim in self.claims.values())


class Held(_Frozen):
    """What a book was last known to hold of the fields we have written or read, and since when."""

    values: dict[str, str] = Field(default_factory=dict)
    at: datetime = LONG_AGO


class Profile(_Frozen):
    """`sending` is what may be on its way to each book, by the fact it is sent for: if a worker
    dies there, what it wrote is still known as ours."""

    kind: FieldClaims = FieldClaims()
    fields: dict[str, FieldClaims] = Field(default_factory=dict)
    held: dict[str, Held] = Field(default_factory=dict)
    sending: dict[str, dict[str, dict[str, str]]] = Field(default_factory=dict)

    @property
    def is_person(self) -> bool:
        """Whether the customer was registered as a person, as far as anybody said."""
        claim = max(self.kind.claims.values(), key=lambda claim: claim.age, default=None)
        return claim is None or claim.value == PERSON

    @property
    def conflicts(self) -> list[str]:
        """Return the keys of the conflicts that wait for a person."""
        return [key for claims in self.fields.values() for key in claims.open.values()]

    def sends(self, fact_id: str, book: str, values: dict[str, str]) -> Profile:
        """Return the profile while these values are on their way to a book."""
        rest = {key: each for key, each in self.sending.items() if key != fact_id}
        newest = dict(list(rest.items())[-MAX_SENDING + 1 :])
        newest[fact_id] = {**self.sending.get(fact_id, {}), book: values}
        return self.model_copy(update={"sending": newest})

    def arrived(self, fact_id: str, book: str, now: datetime, *, written: bool) -> Profile:
        """Return the profile once they are there, or certainly are not."""
        books = dict(self.sending.get(fact_id, {}))
        values = books.pop(book, {})
        sending = {key: each for key, each in self.sending.items() if key != fact_id}
        held = self.held
        if written:
            before = held.get(book, Held()).values
            held = {**held, book: Held(values={**before, **values}, at=self.after(now))}
        sending |= {fact_id: books} if books else {}
        return self.model_copy(update={"sending": sending, "held": held})

    def after(self, now: datetime) -> datetime:
        """Return the earliest moment something unheard of can have been said: clocks of tills may
        be ahead of ours."""
        claims = (claim for each in self.fields.values() for claim in each.claims.values())
        said = (claim.changed_at for claim in claims)
        return max([now, *said]) + timedelta(microseconds=1)

    def ours(self, book: str, field: str) -> list[str]:
        """Return what the book may hold of the field that we have written ourselves."""
        held = self.held.get(book, Held()).values
        known = [held[field]] if field in held else []
        return known + [
            books[book][field]
            for books in self.sending.values()
            if book in books and field in books[book]
        ]


def origin_of(fact: CustomerFact) -> str:
    """Return where the fact's versions count."""
    return f"{fact.source}/{fact.store}" if fact.store else fact.source


def claims_of(fact: CustomerFact) -> Iterator[tuple[str, Claim]]:
    """Yield what the fact says, field by field; an empty or erased text says nothing."""
    for field in FIELDS:
        value = getattr(fact, field)
        if value and value != ERASED:
            yield field, _claim(fact, value)


def kind_of(fact: CustomerFact) -> Claim | None:
    """Return what the fact says the customer is; an update may not know and says nothing."""
    if isinstance(fact, CustomerUpdated):
        return None
    return _claim(fact, PERSON if fact.is_person else ORGANISATION)


def _claim(fact: CustomerFact, value: str) -> Claim:
    return Claim(
        by=fact.source,
        origin=origin_of(fact),
        value=value,
        version=fact.version,
        changed_at=fact.changed_at,
    )


def same(field: str, one: str, other: str) -> bool:
    """Whether two values say the same: products fold case and space, and format numbers."""
    return one == other or _folded(field, one) == _folded(field, other)


def _folded(field: str, value: str) -> str:
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if field == PHONE:
        return "".join(each for each in text if each.isalnum() or each == "+")
    return text


def values_of(fields: Mapping[str, FieldClaims]) -> Iterator[str]:
    """Yield every text anybody claims: what must not be quoted."""
    for each in fields.values():
        yield from (claim.value for claim in each.claims.values() if claim.value)
