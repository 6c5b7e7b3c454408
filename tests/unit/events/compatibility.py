"""What in a schema breaks those who publish or read by an older one of the same version.

A version only grows: fields are added, each with a default. What is taken away, renamed, narrowed
or newly required breaks somebody, and needs a version of its own with an upcaster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.asyncapi import service_of
from shared.bus.topology import Topology

Schema = Mapping[str, Any]

_LOWER_IS_NARROWER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems")
_HIGHER_IS_NARROWER = ("minLength", "minimum", "exclusiveMinimum", "minItems")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return a sentence per breaking change, the path of the field first; empty for none."""
    return list(_changes(_Node(old, old), _Node(new, new), ""))


def named_with_consumers(topic: str, changes: list[str], topology: Topology) -> str:
    """Return the changes and, once, whom they break: the publishers and the topic's services."""
    services = dict.fromkeys(service_of(name) for name in topology.topics.get(topic, {}))
    consumers = ", ".join(services) or "nobody here"
    return f"{topic}: {'; '.join(changes)}. It breaks its publishers and: {consumers}"


class _Node:
    """A schema and the document its references lead into."""

    def __init__(self, schema: Schema, document: Schema) -> None:
        while "$ref" in schema:
            schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
        self.schema = schema
        self._document = document

    def at(self, schema: Schema) -> _Node:
        return _Node(schema, self._document)

    def options(self) -> list[_Node]:
        return [self.at(each) for each in self.schema.get("anyOf", [self.schema])]

    @property
    def kind(self) -> object:
        return self.schema.get("type", "const" if "const" in self.schema else "any")


def _changes(old: _Node, new: _Node, path: str) -> Iterator[str]:
    for option in old.options():
        alike = [each for each in new.options() if each.kind in (option.kind, "any")]
        found = [list(_narrowed(option, each, path)) for each in alike]
        if not found:
            yield f"{path or 'it'} no longer accepts {option.kind}"
        elif all(found):
            yield from min(found, key=len)


def _narrowed(old: _Node, new: _Node, path: str) -> Iterator[str]:
    before, after = old.schema, new.schema
    for limit in _LOWER_IS_NARROWER:
        if limit in after and after[limit] < before.get(limit, float("inf")):
            yield f"{path} is narrowed: {limit} {after[limit]}"
    for limit in _HIGHER_IS_NARROWER:
        if limit in after and after[limit] > before.get(limit, float("-inf")):
            yield f"{path} is narrowed: {limit} {after[limit]}"
    for form in ("pattern", "format", "const"):
        if form in after and after[form] != before.get(form):
            yield f"{path} is narrowed: {form} {after[form]}"
    if "enum" in after:
        gone = [value for value in before.get("enum", ["anything"]) if value not in after["enum"]]
        if gone:
            yield f"{path} is narrowed: without {', '.join(map(str, gone))}"
    if "items" in before and "items" in after:
        yield from _changes(old.at(before["items"]), new.at(after["items"]), f"{path}[]")
    yield from _fields(old, new, path)


def _fields(old: _Node, new: _Node, path: str) -> Iterator[str]:
    before, after = old.schema.get("properties", {}), new.schema.get("properties", {})
    for name, field in before.items():
        where = f"{path}.{name}" if path else name
        if name not in after:
            yield f"{where} is gone"
        else:
            yield from _changes(old.at(field), new.at(after[name]), where)
    for name in new.schema.get("required", ()):
        if name not in old.schema.get("required", ()):
            yield f"{path}.{name} is now required" if path else f"{name} is now required"
