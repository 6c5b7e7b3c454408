"""Which of the fields we use a `$metadata` document no longer has as we use them. No I/O.

What a document alone can show is found from it alone; what only a difference shows (a shorter text,
another type, a new mandatory field) needs the document of before the upgrade as `before`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from shared.dynamics.fields import EntityFields
from shared.dynamics.metadata.findings import Change, Finding, Severity
from shared.dynamics.metadata.model import Metadata, Property

_NEAR = 3


def compare(
    tables: Iterable[EntityFields], now: Metadata, before: Metadata | None = None
) -> list[Finding]:
    """Return what breaks or may break, in the order of the tables."""
    return [finding for table in tables for finding in _Comparison(table, now, before).findings()]


class _Comparison:
    """One entity set of ours in two documents."""

    def __init__(self, table: EntityFields, now: Metadata, before: Metadata | None) -> None:
        self._table = table
        self._now = now
        self._before = before
        found = now.sets.get(table.entity_set)
        self._type = found.type if found else ""
        self._properties = now.properties(self._type)
        earlier = before.sets.get(table.entity_set) if before else None
        self._earlier_type = earlier.type if earlier else ""
        self._earlier = before.properties(self._earlier_type) if before else {}

    def findings(self) -> Iterator[Finding]:
        table = self._table
        if not self._type:
            yield self._breaks(
                Change.SET_MISSING, near=self._near(table.entity_set, self._now.sets)
            )
            return
        yield from self._set()
        for name in dict.fromkeys((*table.key, *table.written, *table.read)):
            if name in self._properties:
                yield from self._field(name)
            else:
                yield self._missing_field(name)
        yield from self._mandatory()
        yield from self._names()

    # The set

    def _set(self) -> Iterator[Finding]:
        table, now = self._table, self._now.sets[self._table.entity_set]
        if table.written and not (now.insertable or now.updatable):
            yield self._breaks(Change.SET_READ_ONLY)
        key = self._now.key(self._type)
        if set(key) != set(table.key):
            detail = f"{', '.join(table.key)} -> {', '.join(key) or 'none'}"
            yield self._breaks(Change.KEY_CHANGED, detail=detail)

    def _names(self) -> Iterator[Finding]:
        table = self._table
        follows = self._now.follows(self._type)
        for name in table.follows:
            if name not in follows:
                yield self._breaks(Change.NAVIGATION_MISSING, name, near=self._near(name, follows))
        for name in table.actions:
            if not self._now.has_action(self._type, name):
                near = self._near(name, self._now.actions)
                yield self._breaks(Change.ACTION_MISSING, name, near=near)

    # Fields

    def _missing_field(self, name: str) -> Finding:
        # What was there before cannot be a new name.
        candidates = [each for each in self._properties if each not in self._earlier]
        return self._breaks(Change.FIELD_MISSING, name, near=self._near(name, candidates))

    def _field(self, name: str) -> Iterator[Finding]:
        table, now = self._table, self._properties[name]
        if name in table.written and self._now.is_read_only(self._type, name):
            yield self._breaks(Change.FIELD_READ_ONLY, name)
        longest = table.lengths.get(name, 0)
        if now.max_length is not None and now.max_length < longest:
            detail = f"{longest} characters of ours -> {now.max_length}"
            yield self._breaks(Change.LENGTH_SHRUNK, name, detail)
        symbols = self._now.symbols(now.type)
        for symbol in table.symbols.get(name, ()):
            if symbols is not None and not _has(symbols, symbol):
                near = self._near(symbol, symbols)
                yield self._breaks(Change.SYMBOL_MISSING, f"{name}.{symbol}", near=near)
        if name in self._earlier:
            yield from self._changed(name, self._earlier[name], now)

    def _changed(self, name: str, earlier: Property, now: Property) -> Iterator[Finding]:
        if _simple(earlier.type) != _simple(now.type):
            detail = f"{earlier.type} -> {now.type}"
            if not self._are_enums(earlier, now):
                yield self._breaks(Change.TYPE_CHANGED, name, detail)
                return
            # Bodies carry the symbols alone; a filter of Finance & Operations names the type.
            yield self._risk(Change.TYPE_CHANGED, name, detail)
        written = name in self._table.written or name in self._table.key
        longest = self._table.lengths.get(name, 0)
        shorter = _shrunk(earlier.max_length, now.max_length)
        if shorter and written and (now.max_length or 0) >= longest:
            detail = f"{_or_any(earlier.max_length)} -> {now.max_length}"
            yield self._risk(Change.LENGTH_SHRUNK, name, detail)
        for what in ("precision", "scale"):
            was, is_now = getattr(earlier, what), getattr(now, what)
            if written and _shrunk(was, is_now):
                detail = f"{what} {_or_any(was)} -> {is_now}"
                yield self._risk(Change.PRECISION_SHRUNK, name, detail)
        yield from self._symbols_gone(name, earlier, now)

    def _are_enums(self, earlier: Property, now: Property) -> bool:
        assert self._before is not None
        symbols = self._before.symbols(earlier.type), self._now.symbols(now.type)
        return None not in symbols

    def _symbols_gone(self, name: str, earlier: Property, now: Property) -> Iterator[Finding]:
        assert self._before is not None
        were, are = self._before.symbols(earlier.type) or (), self._now.symbols(now.type)
        for symbol in were:
            known = symbol in self._table.symbols.get(name, ())
            if are is not None and symbol not in are and not known:
                near = self._near(symbol, [each for each in are if each not in were])
                yield self._risk(Change.SYMBOL_MISSING, f"{name}.{symbol}", near=near)

    def _mandatory(self) -> Iterator[Finding]:
        """What may not be null any more may stop creating, unless Dynamics fills it itself."""
        if not self._table.written or not self._earlier:
            return
        for name, now in self._properties.items():
            was = self._earlier.get(name)
            if not _is_mandatory(now) or (was is not None and _is_mandatory(was)):
                continue
            if self._now.is_read_only(self._type, name):
                continue
            if name in self._table.written or name in self._table.key:
                if was is not None:
                    yield self._risk(Change.FIELD_MANDATORY, name)
            else:
                yield self._risk(Change.FIELD_MANDATORY, name, "we do not write it")

    # Findings

    def _near(self, name: str, candidates: Iterable[str]) -> tuple[str, ...]:
        known = {each.casefold(): each for each in candidates}
        close = get_close_matches(name.casefold(), known, _NEAR, cutoff=0.6)
        return tuple(known[each] for each in close)

    def _breaks(
        self, change: Change, name: str = "", detail: str = "", near: Sequence[str] = ()
    ) -> Finding:
        return self._finding(Severity.BREAKS, change, name, detail, near)

    def _risk(
        self, change: Change, name: str = "", detail: str = "", near: Sequence[str] = ()
    ) -> Finding:
        return self._finding(Severity.RISK, change, name, detail, near)

    def _finding(
        self, severity: Severity, change: Change, name: str, detail: str, near: Sequence[str]
    ) -> Finding:
        table = self._table
        uses = [f"writing {table.entity_set}"] if table.written else []
        uses += [f"reading {table.entity_set}"] if not table.written or name in table.read else []
        breaks = table.used_by or tuple(uses)
        return Finding(severity, change, table.entity_set, name, detail, tuple(near), breaks)


def _has(symbols: Sequence[str], symbol: str) -> bool:
    """Business Central escapes what no XML name may contain: `In_x0020_Review`."""
    return symbol in symbols or symbol.replace(" ", "_x0020_") in symbols


def _is_mandatory(each: Property) -> bool:
    return not each.nullable and not each.has_default


def _shrunk(was: int | None, is_now: int | None) -> bool:
    return is_now is not None and (was is None or is_now < was)


def _or_any(limit: int | None) -> str:
    return "any" if limit is None else str(limit)


def _simple(type_name: str) -> str:
    """Compare types by their simple names: a namespace may be an alias in one of the documents."""
    is_collection = type_name.startswith("Collection(")
    simple = type_name.removesuffix(")").rpartition("(")[2]
    prefix, _, name = simple.rpartition(".")
    return ("many " if is_collection else "") + (simple if prefix == "Edm" else name)
