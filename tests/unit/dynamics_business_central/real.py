"""The recorded documents of Business Central; a test that wants one is skipped without it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

from tests.shared_data import shared_data

_NS = "{http://docs.oasis-open.org/odata/ns/edm}"
_DIRECTORY = "d365/business-central"


@dataclass(frozen=True, slots=True)
class Property:
    kind: str
    length: int | None
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntityType:
    properties: dict[str, Property]
    navigations: frozenset[str]
    actions: frozenset[str]


@lru_cache(maxsize=1)
def entity_types() -> dict[str, EntityType]:
    """Return every entity type of the recorded `$metadata` by the name of its set."""
    tree = ElementTree.parse(shared_data(f"{_DIRECTORY}/metadata_api_v2.0.xml"))
    enums = {
        f"Microsoft.NAV.{each.get('Name')}": tuple(
            str(member.get("Name")) for member in each.findall(f"{_NS}Member")
        )
        for each in tree.iter(f"{_NS}EnumType")
    }
    actions: dict[str, set[str]] = {}
    for each in tree.iter(f"{_NS}Action"):
        parameter = each.find(f"{_NS}Parameter")
        assert parameter is not None
        actions.setdefault(str(parameter.get("Type")), set()).add(str(each.get("Name")))
    types = {f"Microsoft.NAV.{each.get('Name')}": each for each in tree.iter(f"{_NS}EntityType")}
    return {
        str(each.get("Name")): _read(types[name], enums, actions.get(name, set()))
        for each in tree.iter(f"{_NS}EntitySet")
        for name in [str(each.get("EntityType"))]
    }


def _read(
    element: ElementTree.Element, enums: dict[str, tuple[str, ...]], actions: set[str]
) -> EntityType:
    properties = {}
    for each in element.findall(f"{_NS}Property"):
        kind, length = str(each.get("Type")), each.get("MaxLength")
        properties[str(each.get("Name"))] = Property(
            kind, int(length) if length else None, enums.get(kind, ())
        )
    navigations = {str(each.get("Name")) for each in element.findall(f"{_NS}NavigationProperty")}
    return EntityType(properties, frozenset(navigations), frozenset(actions))


def recording(name: str) -> bytes:
    return shared_data(f"{_DIRECTORY}/{name}").read_bytes()
