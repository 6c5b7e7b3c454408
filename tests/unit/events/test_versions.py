"""Old versions are brought forward by a table of steps; the table is empty today."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.events import InvalidEvent, Reason, decode, encode, fact_id
from shared.events.versions import UPCASTERS

from .examples import KEY, an_event, json_of

V_MINUS_1 = "com.tillbus.sale-completed.v91"
V0 = "com.tillbus.sale-completed.v92"
V1 = "com.tillbus.sale-completed.v1"


def _sum_to_total(data: dict[str, Any]) -> dict[str, Any]:
    return {**{name: data[name] for name in data if name != "sum"}, "total": data["sum"]}


def _amount_to_sum(data: dict[str, Any]) -> dict[str, Any]:
    return {**{name: data[name] for name in data if name != "amount"}, "sum": data["amount"]}


STEPS = {V_MINUS_1: (V0, _amount_to_sum), V0: (V1, _sum_to_total)}


def _old(type_: str, total_name: str) -> bytes:
    body = json_of()
    body["type"] = type_
    body["data"][total_name] = body["data"].pop("total")
    return json.dumps(body).encode()


def test_there_is_no_old_version_yet() -> None:
    assert dict(UPCASTERS) == {}


@pytest.mark.parametrize(("type_", "total_name"), [(V_MINUS_1, "amount"), (V0, "sum")])
def test_old_event_is_read_as_todays_fact_under_the_same_id(type_: str, total_name: str) -> None:
    event = decode(_old(type_, total_name), upcasters=STEPS)

    assert event == an_event()
    assert event.id == fact_id(type_, str(KEY))
    assert decode(encode(event)) == event


def test_old_event_without_a_step_is_an_unknown_version() -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(_old(V0, "sum"))

    assert refused.value.reason is Reason.UNKNOWN_VERSION


def test_old_event_its_step_cannot_read_is_refused_instead_of_failing() -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(_old(V0, "total"), upcasters=STEPS)

    assert refused.value.reason is Reason.INVALID_DATA
    assert refused.value.envelope is not None
    assert refused.value.envelope.key == KEY
