"""What the ingestion endpoint makes of a body, whatever the body is."""

from __future__ import annotations

import contextlib
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.appinsights.ingestion import UnreadableBody, duration_ms, read_body
from tests.shared_data import shared_data


def _message(text: str) -> dict[str, Any]:
    return {
        "name": "Microsoft.ApplicationInsights.Message",
        "time": "2026-03-01T10:00:00Z",
        "tags": {"ai.operation.id": "t", "ai.cloud.role": "sales"},
        "data": {"baseType": "MessageData", "baseData": {"message": text, "severityLevel": 1}},
    }


def test_a_bad_envelope_is_named_by_its_index_and_its_neighbours_are_kept() -> None:
    body = json.dumps([_message("one"), {"data": {}}, _message("two")]).encode()

    received = read_body(body)

    assert [line.message for line in received.logs] == ["one", "two"]
    assert [index for index, _ in received.errors] == [1]


def test_newline_delimited_gzip_reads_as_the_array_does() -> None:
    lines = "\n".join(json.dumps(_message(text)) for text in ("one", "two"))

    received = read_body(gzip.compress(lines.encode()), "gzip")

    assert [line.message for line in received.logs] == ["one", "two"]


def test_a_broken_line_costs_only_itself() -> None:
    body = json.dumps(_message("one")) + "\n{broken\n" + json.dumps(_message("two"))

    received = read_body(body.encode())

    assert received.items == 3
    assert [index for index, _ in received.errors] == [1]


@given(st.binary(max_size=300))
def test_any_bytes_end_in_rows_or_in_a_named_refusal(body: bytes) -> None:
    with contextlib.suppress(UnreadableBody):
        received = read_body(body)
        assert received.items >= len(received.errors)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("0.00:00:00.002", 2), ("00:00:03.754", 3754), ("1.00:00:01.000", 86_401_000)],
)
def test_dotnet_time_spans_are_read_in_both_notations(text: str, milliseconds: float) -> None:
    assert duration_ms(text) == pytest.approx(milliseconds)


def test_envelopes_of_other_sdks_are_accepted() -> None:
    body = shared_data("payloads/appinsights/track_envelopes_by_type.json").read_bytes()

    received = read_body(body)

    assert received.errors == []
    assert received.items == 7
    assert {span.name for span in received.spans} == {"myRequest", "Sql"}
