"""Whom a fact is about, and what is left of it without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.erasure import concerns, persons_in, persons_of, redacted, stripped
from shared.events import ERASED, Fact, InvalidEvent, ReversalOrdered, decode, encode
from tests.unit.events.examples import a_sale, an_event, json_of, sampled, samples

SAMPLES = [pytest.param(path, id=path.stem) for path in samples()]
NOT_REVERSALS = [each for each in SAMPLES if not str(each.id).startswith("reversal-ordered")]

PERSONS = {
    "com.tillbus.customer-registered.v1": {"customer", "loyalty_card"},
    "com.tillbus.customer-updated.v1": {"customer", "loyalty_card"},
    "com.tillbus.loyalty-earned.v1": {"customer", "card"},
    "com.tillbus.loyalty-redeemed.v1": {"customer", "card"},
    "com.tillbus.feedback-given.v1": {"customer"},
    "com.tillbus.sale-completed.v1": {"customer", "loyalty_card"},
    "com.tillbus.sale-returned.v1": {"customer", "loyalty_card"},
    "com.tillbus.order-placed.v1": {"customer", "order"},
    "com.tillbus.order-changed.v1": {"customer", "order"},
    "com.tillbus.order-cancelled.v1": {"order"},
    "com.tillbus.order-status-changed.v1": {"order"},
    "com.tillbus.payment-captured.v1": {"customer", "order"},
}
"""Fact -> the fields that say whom it is about; facts that are not here are about nobody."""
PREFIXES = {"customer": "", "loyalty_card": "card:", "card": "card:", "order": "order:"}


def _company(fact: Fact) -> str:
    where: Any = getattr(fact, "key", None) or getattr(fact, "transaction", None) or fact
    return str(where.company)


@pytest.mark.parametrize("sample", NOT_REVERSALS)
def test_a_fact_is_about_those_its_fields_name(sample: Path) -> None:
    event = decode(sample.read_bytes())
    named = {
        f"{_company(event.data)}/{PREFIXES[field]}{value}"
        for field in PERSONS.get(event.type, set())
        if (value := getattr(event.data, field)) is not None
    }

    assert persons_of(event.data) == tuple(sorted(named))
    assert persons_in(sample.read_bytes()) == persons_of(event.data)


def test_a_reversal_is_about_whom_its_fact_is_about() -> None:
    sale = a_sale(customer="C-17", loyalty_card="88")
    ordered = sampled(ReversalOrdered).model_copy(update={"event": json_of(an_event(sale))})

    assert persons_of(ordered) == ("gbrt/C-17", "gbrt/card:88")


def test_a_gift_card_is_nobodys() -> None:
    body = json_of(an_event(a_sale()))
    body |= {"type": "com.tillbus.gift-card-sold.v1"}
    body["data"] |= {"card": "77", "transaction": body["data"].pop("key")}

    assert persons_in(json.dumps(body).encode()) == ()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_redacted_event_is_valid_and_the_same_fact_about_nobody_but_its_own_key(
    sample: Path,
) -> None:
    event = decode(sample.read_bytes())

    again = decode(redacted(sample.read_bytes()))

    assert (again.id, again.type, again.subject) == (event.id, event.type, event.subject)
    assert (again.time, again.source, again.lane) == (event.time, event.source, event.lane)
    assert again.data.signed_amount == event.data.signed_amount
    in_the_subject = {each for each in persons_of(event.data) if _value(each) in event.subject}
    assert set(persons_of(again.data)) <= in_the_subject
    assert ERASED not in {_value(each) for each in persons_of(again.data)}


@pytest.mark.parametrize("sample", SAMPLES)
def test_redacting_twice_changes_nothing(sample: Path) -> None:
    once = redacted(sample.read_bytes())

    assert redacted(once) == stripped(once) == once


def _value(person: str) -> str:
    return person.split("/", 1)[1].removeprefix("card:").removeprefix("order:")


def test_fields_that_the_contract_does_not_know_go_too() -> None:
    body = json_of(an_event(a_sale()))
    body["data"]["shopper_nickname"] = "Ada"

    assert b"Ada" not in redacted(json.dumps(body).encode())


def test_whom_an_invalid_message_is_about_is_read_as_far_as_it_can_be() -> None:
    body = json_of(an_event(a_sale(customer="C-17", loyalty_card="88")))
    body["data"]["total"] = "1.00"
    damaged = json.dumps(body).encode()

    with pytest.raises(InvalidEvent):
        redacted(damaged)
    assert persons_in(damaged) == ("gbrt/C-17", "gbrt/card:88")
    kept = json.loads(stripped(damaged))
    assert kept.items() <= body.items()
    assert kept["id"] == body["id"]
    assert "data" not in kept


@pytest.mark.parametrize(
    "body", [b"", b"\xff\x00", b"[]", b"null", b'"text"', b'{"data":[1]}', b'{"data":{"key":7}}']
)
def test_what_is_no_event_at_all_is_about_nobody_and_leaves_nothing(body: bytes) -> None:
    assert persons_in(body) == ()
    assert json.loads(stripped(body)) == {}


@pytest.mark.parametrize(
    ("persons", "whom", "expected"),
    [
        (["gbrt/C-17"], {"gbrt/C-17"}, True),
        (["gbrt/C-17", "gbrt/card:88"], {"gbrt/C-17"}, True),
        (["gbrt/card:88"], {"gbrt/C-17", "gbrt/card:88"}, True),
        (["gbrt/C-18", "gbrt/card:88"], {"gbrt/C-17", "gbrt/card:88"}, False),
        (["usrt/C-17"], {"gbrt/C-17"}, False),
        ([], {"gbrt/C-17"}, False),
    ],
    ids=[
        "named",
        "named with a card",
        "by card",
        "another's, by the same card",
        "elsewhere",
        "none",
    ],
)
def test_a_card_does_not_make_another_customers_fact_ours(
    persons: list[str], whom: set[str], expected: bool
) -> None:
    assert concerns(persons, whom) is expected


def test_an_encoded_sale_without_a_customer_is_about_nobody() -> None:
    assert persons_in(encode(an_event(a_sale()))) == ()
