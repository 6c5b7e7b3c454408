"""Resource paths: `Set`, `Set(key='…',number=1)`, and back.

Source: OData 4.0, URL Conventions, section 4.3.1 (canonical URL, key predicate).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from .entities import EntitySet, Scalar

_RESOURCE = re.compile(r"(?P<set>[A-Za-z_]\w*)(?:\((?P<predicate>.*)\))?/?", re.DOTALL)
_PAIR = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>'(?:[^']|'')*'|[^,'()\s]+)\s*")
_LONE_VALUE = re.compile(r"\s*(?:'(?:[^']|'')*'|[^,='()\s]+)\s*")

Key = tuple[Scalar, ...]


class MalformedResource(ValueError):
    """The path is no resource path at all."""


class WrongKey(ValueError):
    """The key predicate does not name exactly the key fields, or a value has the wrong type."""


@dataclass(frozen=True, slots=True)
class Resource:
    set_name: str
    predicate: tuple[tuple[str, str], ...] | None
    """Field name and literal, in the order written; None addresses the whole set."""


def parse_resource(path: str) -> Resource:
    """Read an unquoted path such as `CustomersV3(dataAreaId='usrt',CustomerAccount='C1')`."""
    match = _RESOURCE.fullmatch(path)
    if match is None:
        raise MalformedResource(path)
    predicate = match["predicate"]
    return Resource(match["set"], None if predicate is None else _pairs(predicate))


def _pairs(predicate: str) -> tuple[tuple[str, str], ...]:
    if _LONE_VALUE.fullmatch(predicate):
        return (("", predicate.strip()),)
    pairs, at = [], 0
    while match := _PAIR.match(predicate, at):
        pairs.append((match["name"], match["value"]))
        at = match.end()
        if at == len(predicate):
            return tuple(pairs)
        if predicate[at] != ",":
            break
        at += 1
    raise MalformedResource(predicate)


def read_key(entity_set: EntitySet, predicate: Iterable[tuple[str, str]]) -> Key:
    """Return the key values in the set's key order; every key field must be there, and no other."""
    literals = dict(predicate)
    if set(literals) == {""} and len(entity_set.keys) == 1:
        literals = {entity_set.keys[0]: literals[""]}
    if set(literals) != set(entity_set.keys):
        raise WrongKey(
            "The number of keys specified in the URI does not match number of key properties for "
            f"the resource 'Microsoft.Dynamics.DataEntities.{entity_set.type_name}'."
        )
    return tuple(_value(entity_set, name, literals[name]) for name in entity_set.keys)


def _value(entity_set: EntitySet, name: str, literal: str) -> Scalar:
    try:
        if literal.startswith("'"):
            return entity_set.fields[name].read(literal[1:-1].replace("''", "'"))
        return entity_set.fields[name].read(json.loads(literal))
    except ValueError as error:
        kind = entity_set.fields[name].name
        raise WrongKey(f"The key value '{literal}' of '{name}' is not of type {kind}.") from error


def format_key(entity_set: EntitySet, key: Key) -> str:
    """Return `Set(field='value',…)` with every key field, percent-encoded for a URL."""
    pairs = ",".join(
        f"{name}={_literal(value)}" for name, value in zip(entity_set.keys, key, strict=True)
    )
    return f"{entity_set.name}({pairs})"


@lru_cache(maxsize=4096)
def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        return f"'{quote(value.replace(chr(39), chr(39) * 2), safe=_UNESCAPED)}'"
    return str(int(value)) if value == int(value) else str(value)


_UNESCAPED = "'-._~:@!$*;"
