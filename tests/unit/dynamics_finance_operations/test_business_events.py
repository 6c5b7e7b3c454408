"""Messages of business events become one value, whichever version sent them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.dynamics.finance_operations.business_events import TEST_EVENT, MalformedEvent, parse
from tests.shared_data import shared_data

SAMPLE: dict[str, Any] = {
    "BusinessEventId": "SalesInvoicePostedBusinessEvent",
    "BusinessEventLegalEntity": "USRT",
    "ControlNumber": 5637144577,
    "EventId": "{3C47A4CD-6EDC-4319-B893-3F862EED65FD}",
    "EventTime": "/Date(1672408275000)/",
    "EventTimeIso8601": "2022-12-30T13:51:15.2942742Z",
    "SalesId": "SO-000001",
    "InvoiceDate": "/Date(1672358400000)/",
}


def message(**changes: Any) -> bytes:
    whole = {**SAMPLE, **changes}
    return json.dumps({name: each for name, each in whole.items() if each is not None}).encode()


def test_the_finer_of_two_times_counts_and_own_fields_are_kept() -> None:
    event = parse(message())
    assert event.at == datetime(2022, 12, 30, 13, 51, 15, 294274, tzinfo=UTC)
    assert (event.company, event.event_id) == ("usrt", "3c47a4cd-6edc-4319-b893-3f862eed65fd")
    assert event.fields == {
        "SalesId": "SO-000001",
        "InvoiceDate": datetime(2022, 12, 30, tzinfo=UTC),
    }


def test_older_versions_send_ticks_alone() -> None:
    event = parse(message(EventTimeIso8601=None))
    assert event.at == datetime(2022, 12, 30, 13, 51, 15, tzinfo=UTC)


def test_the_test_message_of_an_activation_is_recognised() -> None:
    assert parse(message(BusinessEventId=TEST_EVENT)).is_test
    assert not parse(message()).is_test


def test_a_later_event_has_a_greater_control_number() -> None:
    first, second = parse(message()), parse(message(ControlNumber=5637144599))
    assert second.follows(first)
    assert not first.follows(first)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", message(EventTime=None, EventTimeIso8601=None), message(ControlNumber="x")],
)
def test_what_is_no_business_event_is_said(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        parse(body)


@pytest.mark.parametrize("name", ["business_event_alert.json", "business_event_dummy.json"])
def test_captured_events_are_read(name: str) -> None:
    event = parse(shared_data(f"payloads/fo/{name}").read_bytes())
    assert event.control_number > 5637144576
    assert event.at.year in (2019, 2022)
