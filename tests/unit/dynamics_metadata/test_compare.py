"""What an upgrade changed in the fields we use is found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.local.dynamics.business_central.metadata import metadata_document
from infra.local.dynamics.dataverse import metadata as dataverse
from infra.local.dynamics.finance_operations import metadata as finance_operations
from shared.dynamics.business_central.tables import FIELDS
from shared.dynamics.dataverse.tables import FIELDS as DATAVERSE
from shared.dynamics.fields import EntityFields
from shared.dynamics.finance_operations.fields import FIELDS as FINANCE_OPERATIONS
from shared.dynamics.metadata import (
    Change,
    Finding,
    Metadata,
    Severity,
    compare,
    read_metadata,
)
from tests.shared_data import shared_data
from tests.unit.dynamics_metadata.documents import KINDS, ORDERS, SETS, Field, Set, read

Mutation = Callable[[Set, str], Set]

MUTATIONS: dict[Change, Mutation] = {
    Change.FIELD_MISSING: lambda each, name: each.without(name),
    Change.LENGTH_SHRUNK: lambda each, name: each.with_field(
        name, replace(each.fields[name], max_length=5)
    ),
    Change.FIELD_READ_ONLY: lambda each, name: each.with_field(
        name, replace(each.fields[name], read_only=True)
    ),
    Change.TYPE_CHANGED: lambda each, name: each.with_field(name, Field("Edm.Date")),
    Change.KEY_CHANGED: lambda each, name: replace(each, key=(*each.key, name)),
    Change.FIELD_MANDATORY: lambda each, name: each.with_field(
        name, replace(each.fields[name], nullable=False)
    ),
}


def is_felt(change: Change, entity_set: str, name: str) -> bool:
    """Whether we can feel this change of this field, from what ORDERS says we do with it."""
    if entity_set != ORDERS.entity_set:
        return False
    written = name in ORDERS.written
    match change:
        case Change.LENGTH_SHRUNK:
            return written or name in ORDERS.key
        case Change.FIELD_READ_ONLY:
            return written
        case Change.KEY_CHANGED:
            return name not in ORDERS.key
        case Change.FIELD_MANDATORY:
            # Mandatory from the start is no change; what we do not write stops creating.
            return SETS[entity_set].fields[name].nullable
        case _:
            return name in ORDERS.names


@given(data=st.data())
def test_a_change_is_found_if_and_only_if_we_can_feel_it(data: st.DataObject) -> None:
    change = data.draw(st.sampled_from(list(MUTATIONS)))
    entity_set = data.draw(st.sampled_from(list(SETS)))
    name = data.draw(st.sampled_from(list(SETS[entity_set].fields)))
    was = SETS[entity_set].fields[name]
    assume(change is not Change.LENGTH_SHRUNK or was.max_length is not None)
    changed = {**SETS, entity_set: MUTATIONS[change](SETS[entity_set], name)}

    findings = compare([ORDERS], read(changed, KINDS), read(SETS, KINDS))

    if is_felt(change, entity_set, name):
        assert [(each.change, each.entity_set) for each in findings] == [(change, entity_set)]
        assert name in (findings[0].detail if change is Change.KEY_CHANGED else findings[0].name)
        assert findings[0].breaks == ("SalesDocuments.post",)
    else:
        assert findings == []


@given(data=st.data())
def test_a_renamed_field_is_found_with_the_name_it_may_have_now(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(ORDERS.names)))
    orders = SETS["Orders"]
    renamed = orders.without(name).with_field(f"{name}V2", orders.fields[name])
    findings = compare([ORDERS], read({**SETS, "Orders": renamed}, KINDS), read(SETS, KINDS))

    missing = [each for each in findings if each.change is Change.FIELD_MISSING]
    assert [each.name for each in missing] == [name]
    assert missing[0].near[0] == f"{name}V2"


def only(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


def test_nothing_is_found_where_nothing_changed() -> None:
    now = read(SETS, KINDS)
    assert compare([ORDERS], now) == compare([ORDERS], now, now) == []


def test_a_missing_set_is_one_finding_with_the_set_it_may_be_called_now() -> None:
    sets = {"OrdersV2": SETS["Orders"], "Others": SETS["Others"]}
    finding = only(compare([ORDERS], read(sets, KINDS)))

    assert (finding.change, finding.near[0]) == (Change.SET_MISSING, "OrdersV2")


def test_without_a_baseline_a_text_we_know_the_length_of_is_held_against_the_limit() -> None:
    orders = SETS["Orders"].with_field("customer", Field(max_length=19))
    finding = only(compare([ORDERS], read({"Orders": orders}, KINDS)))

    assert (finding.change, finding.severity) == (Change.LENGTH_SHRUNK, Severity.BREAKS)


@pytest.mark.parametrize(
    ("gone", "severity"), [("Sale", Severity.BREAKS), ("Return", Severity.RISK)]
)
def test_an_enum_symbol_we_write_breaks_and_another_may(gone: str, severity: Severity) -> None:
    kinds = {"Kind": tuple(each for each in KINDS["Kind"] if each != gone)}
    finding = only(compare([ORDERS], read(SETS, kinds), read(SETS, KINDS)))

    assert (finding.change, finding.severity) == (Change.SYMBOL_MISSING, severity)
    assert finding.name == f"kind.{gone}"


def test_a_new_field_that_must_be_given_may_stop_creating() -> None:
    orders = SETS["Orders"].with_field("channel", Field(nullable=False))
    finding = only(compare([ORDERS], read({**SETS, "Orders": orders}, KINDS), read(SETS, KINDS)))

    assert (finding.change, finding.severity) == (Change.FIELD_MANDATORY, Severity.RISK)
    assert finding.name == "channel"


def test_an_enum_type_of_another_name_with_the_same_symbols_is_a_risk_only() -> None:
    orders = SETS["Orders"].with_field("kind", Field("X.Sort", max_length=None))
    now = read({**SETS, "Orders": orders}, {"Sort": KINDS["Kind"]})
    finding = only(compare([ORDERS], now, read(SETS, KINDS)))

    assert (finding.change, finding.severity) == (Change.TYPE_CHANGED, Severity.RISK)


def test_the_real_business_central_takes_all_that_its_simulator_takes_of_us() -> None:
    real = recorded()
    simulated = read_metadata([metadata_document()])
    findings = compare(FIELDS, real, simulated)

    assert sum(len(table.names) for table in FIELDS) > 150
    assert [each for each in findings if each.severity is Severity.BREAKS] == []
    # Names of enum types, and fields the real one says are never null.
    harmless = {Change.TYPE_CHANGED, Change.FIELD_MANDATORY}
    assert {each.change for each in findings} <= harmless


@cache
def recorded() -> Metadata:
    """The document of a real Business Central; skips where it is absent."""
    return read_metadata([shared_data("d365/business-central/metadata_api_v2.0.xml").read_bytes()])


BC_INVOICES = EntityFields(
    "salesInvoices",
    key=("id",),
    written=("externalDocumentNumber", "customerNumber"),
    read=("status", "totalAmountIncludingTax"),
    follows=("salesInvoiceLines",),
    actions=("post",),
    symbols={"status": ("In Review",)},
    lengths={"externalDocumentNumber": 35},
)


def test_the_real_business_central_has_what_an_invoice_takes() -> None:
    real = recorded()
    assert compare([BC_INVOICES], real) == []

    wrong = replace(
        BC_INVOICES,
        written=("externalDocumentNo",),
        follows=("invoiceLines",),
        actions=("shipAndInvoice",),
        lengths={"externalDocumentNumber": 36},
    )
    assert [(each.change, each.name) for each in compare([wrong], real)] == [
        (Change.FIELD_MISSING, "externalDocumentNo"),
        (Change.NAVIGATION_MISSING, "invoiceLines"),
        (Change.ACTION_MISSING, "shipAndInvoice"),
    ]


@given(data=st.data())
def test_any_field_taken_out_of_the_real_document_is_missed_by_who_uses_it(
    data: st.DataObject,
) -> None:
    real = recorded()
    entity_set = data.draw(st.sampled_from(sorted(real.sets)))
    type_name = real.sets[entity_set].type
    properties = real.properties(type_name)
    name = data.draw(st.sampled_from(sorted(properties)))
    table = EntityFields(entity_set, key=real.key(type_name), read=tuple(properties))
    assert compare([table], real, real) == []

    kept = {each: found for each, found in properties.items() if each != name}
    changed = replace(real.types[type_name], properties=kept)
    without = replace(real, types={**real.types, type_name: changed})
    assert [(each.change, each.name) for each in compare([table], without)] == [
        (Change.FIELD_MISSING, name)
    ]


@cache
def simulated(product: str) -> tuple[Metadata, tuple[EntityFields, ...]]:
    documents: dict[str, tuple[bytes, tuple[EntityFields, ...]]] = {
        "finance-operations": (finance_operations.metadata_document(), FINANCE_OPERATIONS),
        "business-central": (metadata_document(), FIELDS),
        "dataverse": (dataverse.metadata_document(), DATAVERSE),
    }
    document, tables = documents[product]
    return read_metadata([document]), tables


@pytest.mark.parametrize("product", ["finance-operations", "business-central", "dataverse"])
@given(data=st.data())
def test_a_field_gone_or_shorter_in_a_products_document_is_found_where_it_is_used(
    product: str, data: st.DataObject
) -> None:
    before, tables = simulated(product)
    used = {table.entity_set: table for table in tables}
    entity_set = data.draw(st.sampled_from(sorted(before.sets)))
    type_name = before.sets[entity_set].type
    properties = before.types[type_name].properties
    name = data.draw(st.sampled_from(sorted(properties)))
    is_removed = data.draw(st.booleans())
    kept = {each: found for each, found in properties.items() if each != name}
    if not is_removed:
        kept[name] = replace(properties[name], max_length=0)
    changed = replace(before.types[type_name], properties=kept)
    now = replace(before, types={**before.types, type_name: changed})

    found = {(each.entity_set, each.change, each.name) for each in compare(tables, now, before)}

    table = used.get(entity_set)
    if is_removed and table is not None and name in table.names:
        assert found == {(entity_set, Change.FIELD_MISSING, name)}
    elif not is_removed and table is not None and name in (*table.written, *table.key):
        assert (entity_set, Change.LENGTH_SHRUNK, name) in found
    else:
        assert found == set()
