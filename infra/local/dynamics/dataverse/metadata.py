"""`$metadata` of the tables there are, generated from them."""

from __future__ import annotations

from functools import cache
from xml.etree import ElementTree

from .columns import TEXT
from .tables import BY_LOGICAL, TABLES

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_NAMESPACE = "Microsoft.Dynamics.CRM"
_BULK_ACTIONS = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


@cache
def metadata_document() -> bytes:
    """CSDL 4.0: entity types with keys, properties and navigation, and the container."""
    ElementTree.register_namespace("edmx", _EDMX)
    ElementTree.register_namespace("", _EDM)
    root = ElementTree.Element(f"{{{_EDMX}}}Edmx", Version="4.0")
    services = ElementTree.SubElement(root, f"{{{_EDMX}}}DataServices")
    schema = ElementTree.SubElement(
        services, f"{{{_EDM}}}Schema", Namespace=_NAMESPACE, Alias="mscrm"
    )
    container = ElementTree.Element(f"{{{_EDM}}}EntityContainer", Name="System")
    for table in TABLES.values():
        entity = _element(schema, "EntityType", Name=table.logical)
        _element(_element(entity, "Key"), "PropertyRef", Name=table.primary)
        for name, column in table.columns.items():
            property_ = _element(entity, "Property", Name=name, Type=column.kind.name)
            if column.kind is TEXT and column.length:
                property_.set("MaxLength", str(column.length))
        for name, navigation in table.lookups.items():
            target = f"mscrm.{navigation.target}"
            property_ = _element(entity, "NavigationProperty", Name=name, Type=target)
            _element(
                property_,
                "ReferentialConstraint",
                Property=navigation.value,
                ReferencedProperty=BY_LOGICAL[navigation.target].primary,
            )
        for name in _BULK_ACTIONS:
            action = _element(schema, "Action", Name=name, IsBound="true")
            rows = f"Collection(mscrm.{table.logical})"
            _element(action, "Parameter", Name="entityset", Type=rows)
            _element(action, "Parameter", Name="Targets", Type=rows)
        _element(container, "EntitySet", Name=table.entity_set, EntityType=table.type_name)
    schema.append(container)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _element(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, f"{{{_EDM}}}{tag}", attributes)
