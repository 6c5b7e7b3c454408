"""Keys, batches and notifications: what goes over the wire, read and written."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.batch import batch_answers, batch_body
from shared.dynamics.business_central.keys import (
    DOCUMENT,
    EXTERNAL_DOCUMENT,
    JOURNAL,
    POS,
    short_key,
)
from shared.dynamics.business_central.webhooks import (
    ChangeKind,
    NotGenuine,
    handshake,
    parse_notifications,
)
from shared.dynamics.odata.messages import Operation
from tests.unit.dynamics_business_central.real import recording

LENGTHS = st.sampled_from((POS, EXTERNAL_DOCUMENT, DOCUMENT, JOURNAL))
KEYS = st.text(alphabet=string.ascii_letters + string.digits + ":-_/ ~", min_size=1, max_size=120)


@given(KEYS, LENGTHS)
def test_a_key_fits_is_stable_and_is_what_business_central_keeps(key: str, length: int) -> None:
    short = short_key(key, length)
    assert 0 < len(short) <= length
    assert short == short.upper() == short.strip() == short_key(key.lower(), length)


@given(KEYS, KEYS, LENGTHS)
def test_two_keys_never_become_one(one: str, other: str, length: int) -> None:
    assume(one.upper() != other.upper())
    assert short_key(one, length) != short_key(other, length)


def test_a_key_that_fits_stays_readable() -> None:
    assert short_key("dert:s1:t1:42", EXTERNAL_DOCUMENT) == "DERT:S1:T1:42"
    assert short_key("dert:s1:t1:42", JOURNAL).startswith("~")


def test_quotes_and_blanks_in_a_filter_stay_inside_their_literal() -> None:
    operation = requests.rows("v2.0/items", where=requests.equal("number", "O'Neil & Co #1"))
    assert operation.path.endswith("?$filter=number%20eq%20'O''Neil%20%26%20Co%20%231'")


def test_a_recorded_batch_answer_lines_up_with_its_requests() -> None:
    recorded = recording("samples/batch.json")
    shifted = recorded.replace(b'"r1"', b'"1"').replace(b'"r2"', b'"0"')
    second, first = batch_answers(shifted, 2)
    assert first is not None
    assert second is not None
    assert json.loads(first.body)["lineObjectNumber"] == "1150"
    assert (first.status, second.status) == (201, 201)


def test_an_answer_cut_off_or_without_ids_leaves_the_rest_uncertain() -> None:
    body = json.dumps({"responses": [{"id": None, "status": 204, "headers": {}}]}).encode()
    first, second = batch_answers(body, 2)
    assert first is not None
    assert first.is_success
    assert second is None
    assert batch_answers(body[:-5], 2) == [None, None]
    for stray in (b"7", b"-1"):
        body = b'{"responses": [{"id": "%s", "status": 204, "headers": {}}]}' % stray
        assert batch_answers(body, 1) == [None]


def test_requests_of_a_batch_are_below_the_root_of_their_api() -> None:
    operations = [requests.create("v2.0/companies(x)/items", {"number": "1"})]
    operations.append(Operation("DELETE", "v2.0/companies(x)/items(y)", b"", (("If-Match", "*"),)))
    first, second = json.loads(batch_body(operations, "v2.0"))["requests"]
    assert first["url"] == "companies(x)/items"
    assert first["body"] == {"number": "1"}
    assert second["headers"]["If-Match"] == "*"
    assert "body" not in second


def test_the_documented_notifications_are_read() -> None:
    body = recording("samples/doc_webhook_notifications.json")
    item, created, deleted, many = parse_notifications(body, "someClientState")
    assert (item.kind, item.entity_set) == (ChangeKind.UPDATED, "items")
    assert item.row_id == "26814998-936a-401c-81c1-0e848a64971d"
    assert item.company_id == "b18aed47-c385-49d2-b954-dbdf8ad71780"
    assert item.at == datetime(2018, 10, 26, 12, 54, 20, 467000, tzinfo=UTC)
    assert (created.kind, deleted.kind) == (ChangeKind.CREATED, ChangeKind.DELETED)
    assert (many.kind, many.row_id) == (ChangeKind.COLLECTION, "")
    assert many.where == "lastDateTimeModified gt 2018-10-15T11:00:00Z"


def test_a_notification_without_our_state_or_shape_is_not_taken() -> None:
    entry = {"clientState": "theirs", "resource": "api/v2.0/companies(x)/items(y)"}
    with pytest.raises(NotGenuine):
        parse_notifications(json.dumps({"value": [entry]}).encode(), "ours")
    for body in (b"[]", b"{", b'{"value": [1]}', b'{"value": [{"clientState": "ours"}]}'):
        with pytest.raises(ValueError):
            parse_notifications(body, "ours")


def test_a_handshake_is_answered_with_its_token_alone() -> None:
    assert handshake({"validationToken": "t"}) == "t"
    assert handshake({}) is None
