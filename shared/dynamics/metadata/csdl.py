"""Reads a `$metadata` document (OData 4.0 Part 3, CSDL in XML) piece by piece.

Finance & Operations' document has more than 40 MB; only what a comparison can ask for is kept, and
equal properties are kept once. A document type is refused before anything in it is read, so no
entity is ever expanded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn
from xml.parsers import expat

from shared.dynamics.metadata.model import EntitySet, Metadata, Property, StructuredType

MAX_BYTES = 512 * 1024 * 1024

_COMPUTED = "Org.OData.Core.V1.Computed"
_PERMISSIONS = "Org.OData.Core.V1.Permissions"
_INSERTS = "Org.OData.Capabilities.V1.InsertRestrictions"
_UPDATES = "Org.OData.Capabilities.V1.UpdateRestrictions"
_OPERATIONS = ("Action", "Function")


class UnreadableMetadata(ValueError):
    """The document is no CSDL this can read; the text says why."""


def read_metadata(pieces: Iterable[bytes]) -> Metadata:
    """Return what the document says. Raises UnreadableMetadata."""
    reader = MetadataReader()
    for piece in pieces:
        reader.feed(piece)
    return reader.close()


class MetadataReader:
    """`feed` the document as it comes, then `close`. Both raise UnreadableMetadata."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._size = 0
        self._document = _Document()
        self._open: list[str] = []

    def feed(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MAX_BYTES:
            raise UnreadableMetadata(f"The document has more than {MAX_BYTES} bytes.")
        self._parse(piece, is_final=False)

    def close(self) -> Metadata:
        self._parse(b"", is_final=True)
        return self._document.finish()

    def _parse(self, piece: bytes, *, is_final: bool) -> None:
        try:
            self._parser.Parse(piece, is_final)
        except expat.ExpatError as error:
            raise UnreadableMetadata(f"The document is not XML: {error}.") from error
        except (KeyError, IndexError) as error:
            line = self._parser.CurrentLineNumber
            raise UnreadableMetadata(f"Line {line}: {error} is missing or misplaced.") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if not self._open and tag != "Edmx":
            raise UnreadableMetadata(f"The document's root is {tag}, not Edmx.")
        self._document.start(tag, attributes, self._open)
        self._open.append(tag)

    def _end(self, _: str) -> None:
        self._document.end(self._open.pop())

    def _text(self, text: str) -> None:
        if self._open[-1] == "EnumMember":
            self._document.permissions += text


def _refuse_doctype(*_: object) -> NoReturn:
    raise UnreadableMetadata("The document has a document type, which is not taken.")


class _Document:
    """What has been read so far; one method per element that counts."""

    def __init__(self) -> None:
        self.permissions = ""
        self._namespace = ""
        self._aliases: dict[str, str] = {}
        self._types: dict[str, dict[str, Any]] = {}
        self._type: dict[str, Any] = {}
        self._enums: dict[str, list[str]] = {}
        self._symbols: list[str] = []
        self._sets: dict[str, str] = {}
        self._set_name = ""
        self._restrictions: dict[tuple[str, str], bool] = {}
        self._actions: dict[str, set[str]] = {}
        self._operation: tuple[str, bool] = ("", False)
        self._property = ""
        self._target = ""
        self._term = ""
        self._read_only: set[str] = set()
        self._known: dict[Property, Property] = {}

    def start(self, tag: str, at: Mapping[str, str], parents: list[str]) -> None:
        element = _ELEMENTS.get(tag)
        if element is not None:
            element(self, at, parents[-1] if parents else "")

    def end(self, tag: str) -> None:
        if tag in ("Property", "NavigationProperty"):
            self._property = ""
        elif tag == "Annotations":
            self._target = ""
        elif tag == "Annotation":
            if self._term == _PERMISSIONS and _is_read(self.permissions):
                self._read_only.add(self._here())
            self.permissions = self._term = ""
        elif tag in _OPERATIONS:
            self._operation = ("", False)

    # Types

    def schema(self, at: Mapping[str, str], _: str) -> None:
        self._namespace = at["Namespace"]
        if "Alias" in at:
            self._aliases[at["Alias"]] = self._namespace

    def include(self, at: Mapping[str, str], _: str) -> None:
        if "Alias" in at:
            self._aliases[at["Alias"]] = at["Namespace"]

    def structured_type(self, at: Mapping[str, str], _: str) -> None:
        self._type = {"base": at.get("BaseType", ""), "key": [], "properties": {}, "follows": set()}
        self._type["name"] = f"{self._namespace}.{at['Name']}"
        self._types[self._type["name"]] = self._type

    def property_ref(self, at: Mapping[str, str], parent: str) -> None:
        if parent == "Key":
            self._type["key"].append(at["Name"])

    def property_(self, at: Mapping[str, str], _: str) -> None:
        self._property = at["Name"]
        found = Property(
            type=at["Type"],
            nullable=at.get("Nullable", "true") != "false",
            max_length=_number(at.get("MaxLength")),
            precision=_number(at.get("Precision")),
            scale=_number(at.get("Scale")),
            has_default="DefaultValue" in at,
        )
        self._type["properties"][sys.intern(at["Name"])] = self._known.setdefault(found, found)

    def navigation_property(self, at: Mapping[str, str], _: str) -> None:
        self._property = at["Name"]
        self._type["follows"].add(at["Name"])

    def enum_type(self, at: Mapping[str, str], _: str) -> None:
        self._symbols = self._enums.setdefault(f"{self._namespace}.{at['Name']}", [])

    def member(self, at: Mapping[str, str], _: str) -> None:
        self._symbols.append(at["Name"])

    # Operations

    def operation(self, at: Mapping[str, str], _: str) -> None:
        is_bound = at.get("IsBound", "false") == "true"
        self._operation = (at["Name"], is_bound)
        bound_to = self._actions.setdefault(at["Name"], set())
        if not is_bound:
            bound_to.add("")

    def parameter(self, at: Mapping[str, str], parent: str) -> None:
        name, is_bound = self._operation
        if is_bound and parent in _OPERATIONS:
            # The first parameter is the one it is bound to.
            self._actions[name].add(_element_type(at["Type"]))
            self._operation = (name, False)

    # The container

    def entity_set(self, at: Mapping[str, str], parent: str) -> None:
        if parent == "EntityContainer":
            self._set_name = at["Name"]
            self._sets[self._set_name] = at["EntityType"]

    def property_value(self, at: Mapping[str, str], _: str) -> None:
        if self._term in (_INSERTS, _UPDATES):
            allowed = at.get("Bool", "true") != "false"
            set_name = self._target.rpartition("/")[2] or self._set_name
            self._restrictions[set_name, at.get("Property", "")] = allowed

    # Annotations

    def annotations(self, at: Mapping[str, str], _: str) -> None:
        self._target = self._full(at["Target"])

    def annotation(self, at: Mapping[str, str], _: str) -> None:
        self._term = self._full(at["Term"])
        if self._term == _COMPUTED and at.get("Bool", "true") == "true":
            self._read_only.add(self._here())
        self.permissions = at.get("EnumMember", "")

    def _here(self) -> str:
        """Return what an annotation is about: `Namespace.Type/property`."""
        if self._target:
            return self._target
        return f"{self._type['name']}/{self._property}" if self._property else ""

    def _full(self, name: str) -> str:
        """Return a qualified name with its namespace instead of an alias."""
        path, slash, rest = name.partition("/")
        alias, dot, simple = path.rpartition(".")
        return f"{self._aliases.get(alias, alias)}{dot}{simple}{slash}{rest}"

    def finish(self) -> Metadata:
        if not self._sets:
            raise UnreadableMetadata("The document has no entity sets.")
        types = {
            name: StructuredType(
                base=self._full(each["base"]),
                key=tuple(each["key"]),
                properties=each["properties"],
                follows=frozenset(each["follows"]),
            )
            for name, each in self._types.items()
        }
        sets = {
            name: EntitySet(
                self._full(type_name),
                self._restrictions.get((name, "Insertable"), True),
                self._restrictions.get((name, "Updatable"), True),
            )
            for name, type_name in self._sets.items()
        }
        actions = {name: frozenset(map(self._full, bound)) for name, bound in self._actions.items()}
        enums = {name: tuple(symbols) for name, symbols in self._enums.items()}
        return Metadata(sets, types, enums, actions, frozenset(self._read_only), self._aliases)


_Element = Callable[[_Document, Mapping[str, str], str], None]
_ELEMENTS: Mapping[str, _Element] = MappingProxyType(
    {
        "Schema": _Document.schema,
        "Include": _Document.include,
        "EntityType": _Document.structured_type,
        "ComplexType": _Document.structured_type,
        "PropertyRef": _Document.property_ref,
        "Property": _Document.property_,
        "NavigationProperty": _Document.navigation_property,
        "EnumType": _Document.enum_type,
        "Member": _Document.member,
        "Action": _Document.operation,
        "Function": _Document.operation,
        "Parameter": _Document.parameter,
        "EntitySet": _Document.entity_set,
        "PropertyValue": _Document.property_value,
        "Annotations": _Document.annotations,
        "Annotation": _Document.annotation,
    }
)


def _is_read(permissions: str) -> bool:
    """Org.OData.Core.V1.PermissionType: flags, by name or by number."""
    flags = {flag.rpartition("/")[2] for flag in permissions.replace(",", " ").split()}
    return bool(flags & {"Read", "1", "None", "0"}) and not flags & {"Write", "ReadWrite", "2", "3"}


def _element_type(name: str) -> str:
    return name.removeprefix("Collection(").removesuffix(")")


def _number(text: str | None) -> int | None:
    """Facets may be words: max, variable, floating."""
    return int(text) if text is not None and text.isdecimal() else None
