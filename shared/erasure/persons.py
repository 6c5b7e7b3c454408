"""Whom a fact is about, in the words of the archive. Pure.

A person is `<company>/<customer number>`. Two kinds of key stand for a person where a fact does not
name them: `<company>/card:<loyalty card>` and `<company>/order:<order number>`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from pydantic_core import from_json

from shared.events import (
    ERASED,
    Fact,
    InvalidEvent,
    LoyaltyEarned,
    LoyaltyRedeemed,
    ReversalOrdered,
    decode,
)

_CARD, _ORDER = "card:", "order:"
_NAMING = (("customer", ""), ("loyalty_card", _CARD), ("order", _ORDER))
_NAMING_POINTS = (("customer", ""), ("card", _CARD))
"""Fields that name a person -> what their values begin with here. A gift card is nobody's."""

_POINTS: dict[str, tuple[tuple[str, str], ...]] = {
    LoyaltyEarned.TYPE: _NAMING_POINTS,
    LoyaltyRedeemed.TYPE: _NAMING_POINTS,
}


def persons_of(fact: Fact) -> tuple[str, ...]:
    """Return the persons and the keys standing for one, sorted; empty for a fact about nobody."""
    if isinstance(fact, ReversalOrdered):
        return _persons_of_event(fact.event)
    return _persons(fact.TYPE, lambda part, name: getattr(part, name, None), fact)


def persons_in(body: bytes) -> tuple[str, ...]:
    """Return the same of a message that need not be a valid event, as far as it can be read."""
    try:
        return persons_of(decode(body).data)
    except InvalidEvent:
        pass
    try:
        event = from_json(body)
    except ValueError:
        return ()
    return _persons_of_event(event) if isinstance(event, dict) else ()


def concerns(persons: Collection[str], whom: Collection[str]) -> bool:
    """Return whether what is about `persons` is about one of `whom` and not another customer's.

    Cards and orders may pass from one customer to another: a fact that names a customer is about
    that one, whatever card it names beside.
    """
    named = [each for each in persons if not is_link(each)] or persons
    return not set(named).isdisjoint(whom)


def is_link(person: str) -> bool:
    """Return whether it is a card or an order rather than a customer."""
    return person.partition("/")[2].startswith((_CARD, _ORDER))


_Get = Callable[[Any, str], Any]


def _persons_of_event(event: dict[str, Any]) -> tuple[str, ...]:
    return _persons(
        str(event.get("type")),
        lambda part, name: part.get(name) if isinstance(part, dict) else None,
        event.get("data"),
    )


def _persons(type_: str, get: _Get, data: Any) -> tuple[str, ...]:
    company = _company(get, data)
    return tuple(sorted(set(_named(type_, get, data, company)))) if company else ()


def _company(get: _Get, data: Any) -> str:
    candidates = (data, get(data, "key"), get(data, "transaction"))
    return next((found for each in candidates if (found := get(each, "company"))), "")


def _named(type_: str, get: _Get, data: Any, company: str) -> Iterator[str]:
    for field, prefix in _POINTS.get(type_, _NAMING):
        value = get(data, field)
        if isinstance(value, str) and value and value != ERASED:
            yield f"{company}/{prefix}{value}"
