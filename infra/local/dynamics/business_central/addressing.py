"""Where a path leads: `companies({id})/salesInvoices({id})/salesInvoiceLines`, an action, a stream.

Source: OData 4.0, URL Conventions, section 4; the sets of API v2.0 are inside a company, named in
the path, in `?company=` or in the header Company (Microsoft: samples of `$batch`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from . import errors
from .books import NO_COMPANY, Books, Row
from .entities import STANDARD, Entity

_SEGMENT = re.compile(r"([A-Za-z$][\w$.]*)(?:\((?:\w+=)?'?([^()']*)'?\))?")
_ACTION = "Microsoft.NAV."
SINGLE = {"customerFinancialDetail": "customerFinancialDetails"}
"""Navigations to one row -> their set; the row has the id of the one it belongs to."""


@dataclass(frozen=True, slots=True)
class Place:
    entity: Entity
    company: str
    key: str | None = None
    """None addresses the whole set."""
    parent: str | None = None
    """The id of the row it is below."""
    below: str = ""
    """The set of that row."""
    action: str = ""
    stream: str = ""


def find_place(
    books: Books,
    entities: Mapping[str, Entity],
    path: str,
    options: Mapping[str, str],
    headers: Mapping[str, str],
) -> Place:
    """Raises BusinessCentralError."""
    place: Place | None = None
    company = _named_company(books, options.get("company") or headers.get("company", ""))
    for segment in filter(None, path.split("/")):
        name, key = _segment(segment)
        if place is not None and place.entity.name == "companies" and place.key is not None:
            company = _company(books, place.key)
            place = None
        if place is None:
            place = _first(entities, name, key, company)
        else:
            place = _next(entities, place, name, key)
    if place is None:
        raise errors.unknown_segment(path)
    return place


def _segment(text: str) -> tuple[str, str | None]:
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise errors.wrong_query("Bad Request - Error in query syntax")
    return found[1], found[2]


def _company(books: Books, key: str) -> str:
    if books.get(STANDARD["companies"], NO_COMPANY, key) is None:
        raise errors.no_company()
    return key


def _named_company(books: Books, name: str) -> str:
    if not name:
        return NO_COMPANY
    companies: list[Row] = books.rows(STANDARD["companies"], NO_COMPANY)
    for row in companies:
        if name in (row["id"], row["name"], row["displayName"]):
            return str(row["id"])
    raise errors.no_company()


def _first(entities: Mapping[str, Entity], name: str, key: str | None, company: str) -> Place:
    entity = STANDARD["companies"] if name == "companies" else entities.get(name)
    if entity is None or entity.parent == "*":
        raise errors.unknown_segment(name)
    if name in ("companies", "subscriptions"):
        return Place(entity, NO_COMPANY, _key(entity, key))
    if company == NO_COMPANY:
        raise errors.no_company()
    return Place(entity, company, _key(entity, key))


def _next(entities: Mapping[str, Entity], place: Place, name: str, key: str | None) -> Place:
    if place.key is None or place.action or place.stream:
        raise errors.unknown_segment(name)
    if name.startswith(_ACTION):
        return Place(place.entity, place.company, place.key, place.parent,
                     action=name.removeprefix(_ACTION))  # fmt: skip
    field = place.entity.fields.get(name)
    if field is not None and field.kind == "stream":
        return Place(place.entity, place.company, place.key, place.parent, place.below, stream=name)
    entity = entities.get(SINGLE.get(name, name))
    if entity is None or name not in place.entity.children:
        raise errors.unknown_segment(name)
    if name in SINGLE:
        return Place(entity, place.company, place.key)
    return Place(entity, place.company, _key(entity, key), place.key, place.entity.name)


def _key(entity: Entity, text: str | None) -> str | None:
    if text is None or entity.key != "id":
        return text
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise errors.wrong_value(entity.fields["id"], text) from error
