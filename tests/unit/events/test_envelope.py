"""The envelope is CloudEvents 1.0, and any bytes end in an event or a named reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import (
    BACKFILL,
    CONTENT_TYPE,
    MAX_BODY_BYTES,
    DocumentRejected,
    Event,
    InvalidEvent,
    Reason,
    TransactionKey,
    decode,
    encode,
    fact_id,
    new_event,
    routing_properties,
)

from .examples import (
    KEY,
    NOW,
    SAMPLES,
    a_sale,
    an_event,
    json_of,
    refusal,
    samples,
    type_of,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_published_event_is_read_back_as_it_was() -> None:
    event = new_event(a_sale(), source="/tills/T1", time=NOW, traceparent=TRACEPARENT)

    assert decode(encode(event)) == event


def test_the_cloudevents_library_reads_what_we_publish() -> None:
    event = new_event(a_sale(), source="/tills/T1", time=NOW, traceparent=TRACEPARENT)

    message = HTTPMessage(headers={"content-type": CONTENT_TYPE}, body=encode(event))
    read = from_structured_event(message, JSONFormat())

    assert read.get_id() == str(event.id)
    assert read.get_type() == "com.tillbus.sale-completed.v1"
    assert read.get_source() == "/tills/T1"
    assert read.get_subject() == "gbrt/LONDON/2026-03-02/T1/7"
    assert read.get_time() == NOW
    assert read.get_specversion() == "1.0"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("traceparent") == TRACEPARENT
    assert read.get_data() == event.data.model_dump(mode="json", exclude_none=True)


def test_we_read_what_the_cloudevents_library_publishes() -> None:
    from cloudevents.core.v1.event import CloudEvent

    fact = a_sale()
    published = CloudEvent(
        attributes={
            "id": str(fact.event_id),
            "type": fact.TYPE,
            "source": "/vendor",
            "specversion": "1.0",
            "time": NOW,
            "datacontenttype": "application/json",
        },
        data=fact.model_dump(mode="json"),
    )

    assert decode(JSONFormat().write(published)).data == fact


def test_time_is_read_in_utc_whatever_its_offset() -> None:
    body = json_of()
    body["time"] = body["data"]["occurred_at"] = "2026-03-02T21:05:06.789+04:00"

    event = decode(json.dumps(body).encode())

    assert event.time == NOW
    assert event.time.tzinfo is UTC
    local = NOW.astimezone(timezone(timedelta(hours=4)))
    assert new_event(a_sale(occurred_at=local), source="/x", time=local).time.tzinfo is UTC


def test_unknown_fields_are_tolerated_everywhere() -> None:
    body = json_of()
    body["extension"] = {"any": [1.5, None]}
    body["data"]["weather"] = 1.25
    body["data"]["lines"][0]["taxes"][0]["jurisdiction"] = ["a", {"b": 10**30}]

    assert decode(json.dumps(body).encode()) == an_event()


def test_broken_trace_context_starts_a_new_trace_instead_of_losing_the_sale() -> None:
    body = json_of()
    for broken in ("00-xyz", 7, None, TRACEPARENT.upper()):
        body["traceparent"] = broken
        assert decode(json.dumps(body).encode()).traceparent is None


def test_id_is_the_same_for_every_version_and_differs_by_fact_key_and_revision() -> None:
    ids = {
        fact_id("com.tillbus.sale-completed.v1", str(KEY)),
        fact_id("com.tillbus.sale-completed.v1", str(KEY), 1),
        fact_id("com.tillbus.sale-returned.v1", str(KEY)),
        fact_id("com.tillbus.sale-completed.v1", "gbrt/LONDON/2026-03-02/T1/8"),
    }

    assert len(ids) == 4
    assert fact_id("com.tillbus.sale-completed.v2", str(KEY)) in ids


def test_id_can_be_computed_as_the_vendors_page_says() -> None:
    namespace = uuid5(NAMESPACE_URL, "https://tillbus.com/facts")
    corrected = a_sale(revision=2)

    assert corrected.event_id == uuid5(namespace, f"com.tillbus.sale-completed|{KEY}|2")


def test_id_of_a_sale_never_changes() -> None:
    assert str(a_sale().event_id) == "2b40b945-1f43-51c5-96df-6b2da8f8c37c"


def test_routing_properties_name_company_and_store_where_there_are_any() -> None:
    rejected = DocumentRejected(
        message_id="?", subscription="sales", reason="invalid-json", detail="", rejected_at=NOW
    )

    assert routing_properties(an_event()) == {
        "type": "com.tillbus.sale-completed.v1",
        "source": "/tills/gbrt/LONDON/T1",
        "subject": "gbrt/LONDON/2026-03-02/T1/7",
        "company": "gbrt",
        "store": "LONDON",
    }
    assert set(routing_properties(an_event(rejected))) == {"type", "source", "subject"}


def test_key_has_one_spelling() -> None:
    assert TransactionKey.parse(str(KEY)) == KEY
    for wrong in ("", "a/b/c", f"{KEY}/1", str(KEY).replace("/7", "/07"), "gbrt/L/2026-3-2/T1/7"):
        with pytest.raises(ValueError):
            TransactionKey.parse(wrong)


def test_source_must_be_a_uri_reference_before_anything_is_published() -> None:
    for wrong in ("", "with blank", "<x>", "x" * 257):
        with pytest.raises(ValueError, match="URI reference"):
            new_event(a_sale(), source=wrong, time=NOW)


def test_late_facts_travel_in_the_only_lane_there_is() -> None:
    late = new_event(a_sale(), source="/x", time=NOW, lane=BACKFILL)

    assert decode(encode(late)).lane == BACKFILL
    assert routing_properties(late)["lane"] == "backfill"
    assert "lane" not in routing_properties(an_event())
    assert decode(json.dumps({**json_of(), "lane": "fast"}).encode()).lane is None
    with pytest.raises(ValueError, match="the only lane is 'backfill'"):
        new_event(a_sale(), source="/x", time=NOW, lane="fast")


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_archived_event_of_every_version_keeps_its_id_and_everything_it_says(sample: Path) -> None:
    archived = json.loads(sample.read_text(encoding="utf-8"))

    event = decode(sample.read_bytes())

    assert event.type == type_of(sample)
    assert str(event.id) == archived["id"]
    assert list(lost(archived, json.loads(encode(event)))) == []
    assert decode(encode(event)) == event


def lost(archived: Any, written: Any, path: str = "") -> Iterator[str]:
    """Yield where something archived is not written the same; new fields may be added to it."""
    if isinstance(archived, dict) and isinstance(written, dict):
        for name, value in archived.items():
            yield from lost(value, written.get(name), f"{path}.{name}")
    elif isinstance(archived, list) and isinstance(written, list):
        if len(archived) != len(written):
            yield path
        for index, pair in enumerate(zip(archived, written, strict=False)):
            yield from lost(*pair, f"{path}.{index}")
    elif archived != written:
        yield path


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in json_of().items() if key != name}


def _with(**changes: Any) -> dict[str, Any]:
    return {**json_of(), **changes}


REFUSED: dict[str, tuple[Any, Reason]] = {
    "nothing": (b"", Reason.INVALID_JSON),
    "half a body": (b'{"specversion":"1.0",', Reason.INVALID_JSON),
    "not UTF-8": (b'{"id":"\xff"}', Reason.INVALID_JSON),
    "half a surrogate pair": (b'{"id":"\\ud800"}', Reason.INVALID_JSON),
    "not a number": (b'{"x":NaN}', Reason.INVALID_JSON),
    "endless nesting": (b"[" * 100_000, Reason.INVALID_JSON),
    "a list": (b"[]", Reason.NOT_A_CLOUD_EVENT),
    "no envelope": (b"{}", Reason.NOT_A_CLOUD_EVENT),
    "other spec": (_with(specversion="0.3"), Reason.NOT_A_CLOUD_EVENT),
    "no type": (_without("type"), Reason.NOT_A_CLOUD_EVENT),
    "type a number": (_with(type=7), Reason.NOT_A_CLOUD_EVENT),
    "no source": (_without("source"), Reason.NOT_A_CLOUD_EVENT),
    "source with blanks": (_with(source="a till"), Reason.NOT_A_CLOUD_EVENT),
    "no time": (_without("time"), Reason.NOT_A_CLOUD_EVENT),
    "time without zone": (_with(time="2026-03-02T17:05:06"), Reason.NOT_A_CLOUD_EVENT),
    "time beyond time": (_with(time="9999-12-31T23:59:59-23:00"), Reason.NOT_A_CLOUD_EVENT),
    "no data": (_without("data"), Reason.NOT_A_CLOUD_EVENT),
    "data as text": (_with(data="{}"), Reason.NOT_A_CLOUD_EVENT),
    "no id": (_without("id"), Reason.MISSING_ID),
    "empty id": (_with(id=""), Reason.MISSING_ID),
    "id a number": (_with(id=7), Reason.NOT_A_CLOUD_EVENT),
    "random id": (_with(id="6e8bc430-9c3a-11d9-9669-0800200c9a66"), Reason.ID_MISMATCH),
    "id in other case": (_with(id=json_of()["id"].upper()), Reason.ID_MISMATCH),
    "subject of another": (_with(subject="gbrt/LONDON/2026-03-02/T1/8"), Reason.ID_MISMATCH),
    "unknown fact": (_with(type="com.tillbus.sale-imagined.v1"), Reason.UNKNOWN_TYPE),
    "foreign type": (_with(type="com.example.order.v1"), Reason.UNKNOWN_TYPE),
    "no version": (_with(type="com.tillbus.sale-completed"), Reason.UNKNOWN_TYPE),
    "newer version": (_with(type="com.tillbus.sale-completed.v2"), Reason.UNKNOWN_VERSION),
    "empty data": (_with(data={}), Reason.INVALID_DATA),
    "other fact's data": (_with(type="com.tillbus.store-day-closed.v1"), Reason.INVALID_DATA),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_event_is_refused_with_its_reason(case: str) -> None:
    body, reason = REFUSED[case]

    error = refusal(body)

    assert error.reason is reason
    assert error.detail


def test_body_over_the_limit_is_refused_unread() -> None:
    assert refusal(b" " * (MAX_BODY_BYTES + 1)).reason is Reason.BODY_TOO_LARGE
    assert refusal(b" " * MAX_BODY_BYTES).reason is Reason.INVALID_JSON


def test_refusal_says_which_transaction_it_was_about() -> None:
    body = json_of()
    body["data"]["total"] = "1.00"

    head = refusal(body).envelope

    assert head is not None
    assert head.key == KEY
    assert (head.id, head.type, head.subject) == (body["id"], body["type"], body["subject"])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def _event_or_refusal(body: bytes) -> None:
    try:
        outcome: Event | InvalidEvent = decode(body)
    except InvalidEvent as error:
        outcome = error
    if isinstance(outcome, InvalidEvent):
        assert outcome.reason in Reason
        assert 0 < len(outcome.detail) <= 1024


@given(st.binary(max_size=200))
def test_any_bytes_end_in_an_event_or_a_reason(body: bytes) -> None:
    _event_or_refusal(body)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_any_changed_byte_ends_in_an_event_or_a_reason(position: int, byte: int) -> None:
    body = bytearray(encode(an_event()))
    body[position % len(body)] = byte

    _event_or_refusal(bytes(body))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(found for key, child in children for found in _paths(child, (*path, key)))]


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(path.name for path in SAMPLES.glob("*.json"))),
    st.integers(0, 10_000),
    _JSON,
)
def test_any_value_anywhere_ends_in_an_event_or_a_reason(
    sample: str, choice: int, value: Any
) -> None:
    body = json.loads((SAMPLES / sample).read_text(encoding="utf-8"))
    paths = [path for path in _paths(body) if path]
    *parents, last = paths[choice % len(paths)]
    parent = body
    for key in parents:
        parent = parent[key]
    parent[last] = value

    _event_or_refusal(json.dumps(body).encode())


@pytest.mark.parametrize("depth", [150, 190, 198, 199, 200, 201, 250, 300, 1000])
def test_unknown_field_of_any_depth_ends_in_an_event_or_a_reason(depth: int) -> None:
    body = encode(an_event()).replace(
        b'"data":{', b'"data":{"x":' + b"[" * depth + b"]" * depth + b",", 1
    )

    _event_or_refusal(body)


@pytest.mark.parametrize("number", ["1" * 5000, "1e400", "-" + "9" * 400, "1e-400", "1E5"])
def test_absurd_number_ends_in_an_event_or_a_reason(number: str) -> None:
    plain = encode(an_event())

    _event_or_refusal(plain.replace(b'"total":"24.00"', b'"total":' + number.encode()))
    _event_or_refusal(plain.replace(b'"total":"24.00"', b'"total":"' + number.encode() + b'"'))
    _event_or_refusal(plain.replace(b'"data":{', b'"data":{"x":' + number.encode() + b",", 1))


def test_moment_of_publishing_keeps_its_precision() -> None:
    moment = datetime(2026, 3, 2, 17, 5, 6, 123456, tzinfo=UTC)

    assert decode(encode(new_event(a_sale(), source="/x", time=moment))).time == moment
