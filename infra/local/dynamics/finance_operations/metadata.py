"""`$metadata` and the service document, generated from the entity table."""

from __future__ import annotations

import json
from functools import cache
from xml.etree import ElementTree

from infra.local.dynamics.odata.entities import ENUM_NAMESPACE, EdmType

from .entity_sets import ENTITY_SETS, NAVIGATION

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"


@cache
def metadata_document() -> bytes:
    """CSDL 4.0: entity types with keys and properties, enum types, the container."""
    ElementTree.register_namespace("edmx", _EDMX)
    ElementTree.register_namespace("", _EDM)
    root = ElementTree.Element(f"{{{_EDMX}}}Edmx", Version="4.0")
    services = ElementTree.SubElement(root, f"{{{_EDMX}}}DataServices")
    schema = ElementTree.SubElement(services, f"{{{_EDM}}}Schema", Namespace=ENUM_NAMESPACE)
    container = ElementTree.Element(f"{{{_EDM}}}EntityContainer", Name="Resources")
    enums: dict[str, EdmType] = {}
    for entity_set in ENTITY_SETS.values():
        entity = _element(schema, "EntityType", Name=entity_set.type_name)
        key = _element(entity, "Key")
        for name in entity_set.keys:
            _element(key, "PropertyRef", Name=name)
        for name, kind in entity_set.fields.items():
            _element(entity, "Property", Name=name, Type=kind.name)
            if kind.symbols:
                enums[kind.name] = kind
        for name, (target, _) in NAVIGATION.get(entity_set.name, {}).items():
            kind_name = f"Collection({ENUM_NAMESPACE}.{target.type_name})"
            _element(entity, "NavigationProperty", Name=name, Type=kind_name)
        full_name = f"{ENUM_NAMESPACE}.{entity_set.type_name}"
        _element(container, "EntitySet", Name=entity_set.name, EntityType=full_name)
    for kind in enums.values():
        enum = _element(schema, "EnumType", Name=kind.name.rpartition(".")[2])
        for value, symbol in enumerate(kind.symbols):
            _element(enum, "Member", Name=symbol, Value=str(value))
    schema.append(container)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _element(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, f"{{{_EDM}}}{tag}", attributes)


def service_document(root: str) -> bytes:
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in ENTITY_SETS]
    return json.dumps({"@odata.context": f"{root}$metadata", "value": sets}).encode()
