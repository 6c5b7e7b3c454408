"""Which fields of which entity sets a connector depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EntityFields:
    """One entity set as `$metadata` names it: what an adapter writes to it and reads of it, keys
    included. `metadata check` compares it with what an environment has."""

    entity_set: str
    key: tuple[str, ...]
    written: tuple[str, ...] = ()
    read: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.key, *self.written, *self.read))
