"""What arrives from Dataverse, as plain facts."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.dataverse import UnreadableContext, row_change

SAMPLES = Path(__file__).parents[4] / "shared/data/payloads/dataverse"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="needs the captured bodies")


@needs_samples
def test_a_captured_create_tells_the_row() -> None:
    change = row_change(json.loads((SAMPLES / "remote_execution_context_create.json").read_text()))
    assert (change.message, change.table) == ("Create", "msdyn_agentstatus")
    assert change.id == "44ee44ee-ff55-aa66-bb77-88cc88cc88cc"
    assert change.changed["statecode"] == 0
    assert change.changed["msdyn_availableunitscapacity"] == 100
    assert change.changed["owningbusinessunit"] == "e95e91cf-7b10-ef11-9f8a-6045bdd4c6be"
    assert change.changed["modifiedon"] == datetime(2024, 7, 24, 10, 28, 25, tzinfo=UTC)
    assert change.after == change.changed
    assert not change.is_stripped


@needs_samples
def test_a_captured_update_tells_when_and_in_which_operation() -> None:
    name = "remote_execution_context_update_with_parent_context.json"
    change = row_change(json.loads((SAMPLES / name).read_text()))
    assert change.message == "Update"
    assert change.at == datetime(2024, 8, 2, 7, 0, 39, tzinfo=UTC)
    assert change.operation == "1a14c3ec-9c50-ef11-bfe3-00224802dbb1"
    assert change.correlation == "dddd3333-ee44-5555-66ff-777777aaaaaa"
    assert change.depth == 1


def _entity(**attributes: object) -> dict[str, object]:
    return {"Attributes": [{"key": name, "value": value} for name, value in attributes.items()]}


def test_the_row_after_is_its_image_and_what_the_write_set() -> None:
    money = {"__type": "Money:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": 12.5}
    change = row_change(
        {
            "MessageName": "Update",
            "PrimaryEntityName": "contact",
            "PrimaryEntityId": "A",
            "InputParameters": [{"key": "Target", "value": _entity(creditlimit=money)}],
            "PreEntityImages": [{"key": "row", "value": _entity(lastname="Old")}],
            "PostEntityImages": [{"key": "row", "value": _entity(lastname="New")}],
        }
    )
    assert change.before == {"lastname": "Old"}
    assert change.after == {"lastname": "New", "creditlimit": 12.5}
    assert change.id == "a"


def test_a_body_too_large_to_be_sent_whole_says_so() -> None:
    change = row_change(
        {"MessageName": "Update", "PrimaryEntityName": "contact", "PrimaryEntityId": "a"}
    )
    assert change.is_stripped
    assert change.after == {}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["MessageName", "PrimaryEntityName", "PrimaryEntityId", "InputParameters", "key",
             "value", "Attributes", "Depth", "OperationCreatedOn", "PostEntityImages"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(_JSON)
def test_any_other_body_is_read_or_refused(body: object) -> None:
    with suppress(UnreadableContext):
        assert row_change(body).message
