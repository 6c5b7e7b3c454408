"""Which fields of which entity sets a connector depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EntityFields:
    """One entity set as `$metadata` names it: what an adapter writes to it and reads of it, keys
    included. `metadata check` compares it with what an environment has.

    `follows`: navigation properties written by deep insert or expanded; `actions`: by their names
    without namespace, bound to the set's entities or unbound; `symbols`: enum symbols written, by
    field; `lengths`: characters of the longest text written, by field, where we know it; `used_by`:
    port operations that stand and fall with the set, such as `SalesDocuments.post`.
    """

    entity_set: str
    key: tuple[str, ...]
    written: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    symbols: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    lengths: Mapping[str, int] = field(default_factory=dict, hash=False)
    used_by: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.key, *self.written, *self.read))
