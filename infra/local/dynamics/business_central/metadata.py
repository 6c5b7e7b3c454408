"""`$metadata` of what this stand-in serves, in the shape of the recorded document."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from .addressing import SINGLE
from .custom_entities import CUSTOM
from .entities import STANDARD, Entity
from .operations import rules_of
from .types import Field, escape

_EDM = {
    "guid": "Guid", "text": "String", "code": "String", "decimal": "Decimal", "int": "Int32",
    "bool": "Boolean", "date": "Date", "moment": "DateTimeOffset", "stream": "Stream",
}  # fmt: skip


@lru_cache(maxsize=2)
def metadata_document(custom: bool = False) -> bytes:
    entities = CUSTOM if custom else STANDARD
    types = "".join(_type(entity, entities) for entity in entities.values())
    sets = "".join(
        f'<EntitySet Name="{each.name}" EntityType="Microsoft.NAV.{each.type_name}"/>'
        for each in entities.values()
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
        '<edmx:DataServices><Schema Namespace="Microsoft.NAV" '
        'xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f"{_enums(entities)}{types}{_actions(entities)}"
        f'<EntityContainer Name="NAV">{sets}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    ).encode()


def _type(entity: Entity, entities: Mapping[str, Entity]) -> str:
    properties = "".join(_property(entity, field) for field in entity.fields.values())
    navigations = "".join(_navigation(name, entities) for name in entity.children)
    return (
        f'<EntityType Name="{entity.type_name}"><Key><PropertyRef Name="{entity.key}"/></Key>'
        f"{properties}{navigations}</EntityType>"
    )


def _navigation(name: str, entities: Mapping[str, Entity]) -> str:
    target = entities.get(SINGLE.get(name, name))
    if target is None:
        return ""
    kind = f"Microsoft.NAV.{target.type_name}"
    many = kind if name in SINGLE else f"Collection({kind})"
    return f'<NavigationProperty Name="{name}" Type="{many}" ContainsTarget="true"/>'


def _actions(entities: Mapping[str, Entity]) -> str:
    return "".join(
        f'<Action Name="{name}" IsBound="true"><Parameter Name="bindingParameter" '
        f'Type="Microsoft.NAV.{entity.type_name}"/></Action>'
        for entity in entities.values()
        for name in rules_of(entity.name).actions
    )


def _property(entity: Entity, field: Field) -> str:
    kind = f"Microsoft.NAV.{entity.type_name}_{field.name}" if field.symbols else (
        f"Edm.{_EDM[field.kind]}"
    )  # fmt: skip
    length = f' MaxLength="{field.length}"' if field.length else ""
    nullable = ' Nullable="false"' if field.name == entity.key else ""
    return f'<Property Name="{field.name}" Type="{kind}"{nullable}{length}/>'


def _enums(entities: Mapping[str, Entity]) -> str:
    return "".join(
        f'<EnumType Name="{entity.type_name}_{field.name}">'
        + "".join(
            f"<Member Name={quoteattr(escape(symbol))} Value={quoteattr(str(number))}/>"
            for number, symbol in enumerate(field.symbols)
        )
        + "</EnumType>"
        for entity in entities.values()
        for field in entity.fields.values()
        if field.symbols
    )
