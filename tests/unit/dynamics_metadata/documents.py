"""`$metadata` documents made to measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.dynamics.fields import EntityFields
from shared.dynamics.metadata import Metadata, read_metadata

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"


@dataclass(frozen=True)
class Field:
    type: str = "Edm.String"
    nullable: bool = True
    max_length: int | None = 20
    read_only: bool = False

    def xml(self, name: str) -> str:
        length = "" if self.max_length is None else f' MaxLength="{self.max_length}"'
        nullable = "" if self.nullable else ' Nullable="false"'
        computed = '<Annotation Term="Org.OData.Core.V1.Computed"/>' if self.read_only else ""
        return f'<Property Name="{name}" Type="{self.type}"{length}{nullable}>{computed}</Property>'


@dataclass(frozen=True)
class Set:
    key: tuple[str, ...]
    fields: Mapping[str, Field] = field(default_factory=dict)

    def without(self, name: str) -> Set:
        return replace(self, fields={n: f for n, f in self.fields.items() if n != name})

    def with_field(self, name: str, changed: Field) -> Set:
        return replace(self, fields={**self.fields, name: changed})


def xml(sets: Mapping[str, Set], enums: Mapping[str, tuple[str, ...]] | None = None) -> bytes:
    """Return the document; the type of a set is named `<Set>Type`."""
    types = "".join(
        f'<EntityType Name="{name}Type"><Key>'
        + "".join(f'<PropertyRef Name="{key}"/>' for key in each.key)
        + "</Key>"
        + "".join(found.xml(field_name) for field_name, found in each.fields.items())
        + "</EntityType>"
        for name, each in sets.items()
    )
    members = "".join(
        f'<EnumType Name="{name}">'
        + "".join(f'<Member Name="{symbol}"/>' for symbol in symbols)
        + "</EnumType>"
        for name, symbols in (enums or {}).items()
    )
    listed = "".join(f'<EntitySet Name="{name}" EntityType="X.{name}Type"/>' for name in sets)
    return (
        f'<edmx:Edmx xmlns:edmx="{_EDMX}" Version="4.0"><edmx:DataServices>'
        f'<Schema xmlns="{_EDM}" Namespace="X">{types}{members}'
        f'<EntityContainer Name="C">{listed}</EntityContainer></Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    ).encode()


def read(sets: Mapping[str, Set], enums: Mapping[str, tuple[str, ...]] | None = None) -> Metadata:
    return read_metadata([xml(sets, enums)])


ORDERS = EntityFields(
    "Orders",
    key=("company", "number"),
    written=("customer", "kind", "amount"),
    read=("status",),
    symbols={"kind": ("Sale",)},
    lengths={"customer": 20},
    used_by=("SalesDocuments.post",),
)

KINDS = {"Kind": ("Sale", "Return")}

SETS = {
    "Orders": Set(
        ("company", "number"),
        {
            "company": Field(nullable=False),
            "number": Field(nullable=False),
            "customer": Field(),
            "kind": Field("X.Kind", max_length=None),
            "amount": Field("Edm.Decimal", max_length=None),
            "status": Field(),
            "remark": Field(max_length=250),
            "discount": Field("Edm.Decimal", max_length=None),
        },
    ),
    "Others": Set(("id",), {"id": Field("Edm.Guid", max_length=None), "customer": Field()}),
}
