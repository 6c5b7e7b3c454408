"""Reading `$metadata`: piece by piece, with inheritance and annotations, and no entities."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.metadata import UnreadableMetadata, read_metadata
from shared.dynamics.metadata.model import Property
from tests.shared_data import shared_data
from tests.unit.dynamics_metadata.documents import KINDS, SETS, xml

RICH = b"""<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:Reference Uri="v"><edmx:Include Namespace="Org.OData.Core.V1" Alias="Core"/></edmx:Reference>
 <edmx:DataServices>
  <Schema Namespace="mscrm.entities" Alias="m" xmlns="http://docs.oasis-open.org/odata/ns/edm">
   <EntityType Name="base" Abstract="true">
    <Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid"/>
    <Property Name="owner" Type="Edm.String" MaxLength="max"/>
   </EntityType>
   <EntityType Name="account" BaseType="m.base">
    <Property Name="revenue" Type="Edm.Decimal" Precision="19" Scale="Variable">
     <Annotation Term="Core.Permissions">
      <EnumMember>Org.OData.Core.V1.PermissionType/Read</EnumMember>
     </Annotation>
    </Property>
    <Property Name="name" Type="Edm.String" MaxLength="160">
     <Annotation Term="Core.Permissions">
      <EnumMember>Core.PermissionType/Read Core.PermissionType/Write</EnumMember>
     </Annotation>
    </Property>
    <Property Name="total" Type="Edm.Decimal" Precision="10" Scale="2" DefaultValue="0"/>
    <NavigationProperty Name="contacts" Type="Collection(m.contact)"/>
   </EntityType>
   <EntityType Name="contact" BaseType="mscrm.entities.base"/>
   <Action Name="CreateMultiple" IsBound="true">
    <Parameter Name="rows" Type="Collection(m.account)"/><Parameter Name="x" Type="m.contact"/>
   </Action>
   <Action Name="GetAzureWriteUrl"><Parameter Name="x" Type="m.account"/></Action>
   <EntityContainer Name="System">
    <EntitySet Name="accounts" EntityType="m.account"/>
    <EntitySet Name="contacts" EntityType="m.contact"/>
   </EntityContainer>
   <Annotations Target="m.System/contacts">
    <Annotation Term="Org.OData.Capabilities.V1.InsertRestrictions">
     <Record><PropertyValue Property="Insertable" Bool="false"/></Record>
    </Annotation>
   </Annotations>
   <Annotations Target="m.account/total">
    <Annotation Term="Core.Computed" Bool="true"/>
   </Annotations>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>"""


def test_what_a_type_inherits_is_its_own() -> None:
    read = read_metadata([RICH])
    account = read.sets["accounts"].type

    assert read.key(account) == ("id",)
    assert set(read.properties(account)) == {"id", "owner", "revenue", "name", "total"}
    assert read.properties(account)["total"] == Property(
        "Edm.Decimal", precision=10, scale=2, has_default=True
    )
    assert read.properties(account)["owner"].max_length is None
    assert read.follows(account) == {"contacts"}


def test_fields_and_sets_nobody_may_write_are_known_by_their_annotations() -> None:
    read = read_metadata([RICH])
    account = read.sets["accounts"].type
    read_only = {name for name in read.properties(account) if read.is_read_only(account, name)}

    assert read_only == {"revenue", "total"}
    assert (read.sets["contacts"].insertable, read.sets["contacts"].updatable) == (False, True)


def test_an_action_belongs_to_the_type_it_is_bound_to() -> None:
    read = read_metadata([RICH])

    assert read.has_action(read.sets["accounts"].type, "CreateMultiple")
    assert not read.has_action(read.sets["contacts"].type, "CreateMultiple")
    assert read.has_action(read.sets["contacts"].type, "GetAzureWriteUrl"), "unbound: anybody's"


@given(st.lists(st.integers(1, 400), min_size=1, max_size=50))
def test_the_sizes_of_the_pieces_make_no_difference(sizes: list[int]) -> None:
    pieces, rest = [], RICH
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]

    assert read_metadata([*pieces, rest]) == read_metadata([RICH])


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        "<!DOCTYPE x>",
    ],
)
def test_a_document_type_is_refused(declaration: str) -> None:
    with pytest.raises(UnreadableMetadata, match="document type"):
        read_metadata([declaration.encode(), xml(SETS)])


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "not XML"),
        (b"{}", "not XML"),
        (xml(SETS)[:-20], "not XML"),
        (b"<html/>", "root is html"),
        (xml({}), "no entity sets"),
        (xml(SETS).replace(b'Name="Orders"', b""), "'Name' is missing"),
    ],
)
def test_what_is_no_metadata_says_why(document: bytes, why: str) -> None:
    with pytest.raises(UnreadableMetadata, match=why):
        read_metadata([document])


@given(st.data())
def test_a_damaged_document_is_read_or_refused_in_words(data: st.DataObject) -> None:
    whole = xml(SETS, KINDS)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 40, len(whole))))
    damaged = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    with contextlib.suppress(UnreadableMetadata):  # nothing else may be raised
        read_metadata([damaged])


def test_the_real_business_central_document_is_read_to_its_last_property() -> None:
    file = shared_data("d365/business-central/metadata_api_v2.0.xml")
    read = read_metadata([file.read_bytes()])

    assert (len(read.sets), len(read.enums)) == (87, 35)
    of_sets = {each.type for each in read.sets.values()}
    assert sum(len(read.types[name].properties) for name in of_sets) == 1_357
