"""One table per entity set: which field says what of a port's value, and which must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.dynamics.fields import EntityFields
from shared.dynamics.finance_operations.comparing import differences

T = TypeVar("T")

_NOTHING = (None, "")


@dataclass(frozen=True)
class Entity(Generic[T]):
    """`columns`: written field -> what of the value it says; what is '' or None is left out.
    `more`: fields written beside them. `compared`: fields in which a row must equal ours to be the
    same. `read`: fields read beside these."""

    entity_set: str
    key: tuple[str, ...]
    columns: Mapping[str, Callable[[T], object]] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    symbols: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    used_by: tuple[str, ...] = ()

    def body(self, value: T) -> dict[str, object]:
        said = ((name, of(value)) for name, of in self.columns.items())
        return {name: each for name, each in said if each not in _NOTHING}

    def differences(self, ours: Mapping[str, object], theirs: Mapping[str, object]) -> str:
        return differences(self.compared, ours, theirs)

    @property
    def fields(self) -> EntityFields:
        """What `metadata check` compares with an environment's `$metadata`."""
        written = dict.fromkeys((*self.columns, *self.more))
        return EntityFields(
            self.entity_set,
            key=self.key,
            written=tuple(name for name in written if name not in self.key),
            read=tuple(dict.fromkeys((*self.compared, *self.read))),
            symbols=self.symbols,
            lengths=self.lengths,
            used_by=self.used_by,
        )


def yes_no(value: bool) -> str:
    return "Yes" if value else "No"
