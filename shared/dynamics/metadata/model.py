"""What a `$metadata` document says, as far as a connector can depend on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Property:
    """`type` as written; None: no limit. `scale` also None where it varies."""

    type: str
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    has_default: bool = False


@dataclass(frozen=True, slots=True)
class StructuredType:
    """An entity or complex type, without what it inherits of `base`."""

    base: str
    key: tuple[str, ...]
    properties: Mapping[str, Property]
    follows: frozenset[str]
    """Names of its navigation properties."""


@dataclass(frozen=True, slots=True)
class EntitySet:
    type: str
    insertable: bool = True
    updatable: bool = True


@dataclass(frozen=True, slots=True)
class Metadata:
    """Names of types are full, without aliases. `actions`: bound types of each action or function,
    '' where it is unbound; `read_only`: `Namespace.Type/property`."""

    sets: Mapping[str, EntitySet]
    types: Mapping[str, StructuredType] = field(default_factory=dict)
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    actions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def line(self, type_name: str) -> Iterator[tuple[str, StructuredType]]:
        """Yield a type and those it inherits from, nearest first."""
        seen: set[str] = set()
        while type_name in self.types and type_name not in seen:
            seen.add(type_name)
            yield type_name, self.types[type_name]
            type_name = self.types[type_name].base

    def key(self, type_name: str) -> tuple[str, ...]:
        return next((each.key for _, each in self.line(type_name) if each.key), ())

    def properties(self, type_name: str) -> dict[str, Property]:
        found: dict[str, Property] = {}
        for _, each in self.line(type_name):
            found = {**each.properties, **found}
        return found

    def follows(self, type_name: str) -> frozenset[str]:
        return frozenset(name for _, each in self.line(type_name) for name in each.follows)

    def is_read_only(self, type_name: str, name: str) -> bool:
        return any(f"{line}/{name}" in self.read_only for line, _ in self.line(type_name))

    def has_action(self, type_name: str, name: str) -> bool:
        bound = self.actions.get(name, frozenset())
        return "" in bound or any(line in bound for line, _ in self.line(type_name))

    def symbols(self, type_name: str) -> tuple[str, ...] | None:
        """Return the symbols of an enum type, None for a type that is none."""
        alias, dot, simple = type_name.rpartition(".")
        return self.enums.get(f"{self.aliases.get(alias, alias)}{dot}{simple}")
