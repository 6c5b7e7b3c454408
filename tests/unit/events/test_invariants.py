"""What each fact refuses to say, because it would contradict itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from shared.events import (
    FACTS,
    CashMoved,
    CustomerRegistered,
    CustomerUpdated,
    DocumentPosted,
    Fact,
    GiftCardSold,
    InventoryAdjusted,
    OrderChanged,
    OrderPlaced,
    OrderStatusChanged,
    PaymentCaptured,
    Reason,
    ReversalOrdered,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    StockCounted,
    StoreDayClosed,
    StoreDayOpened,
    TenderDeclared,
    TerminalDay,
    TransactionRecorded,
    decode,
    encode,
)

from .examples import an_event, json_of, refusal, sampled

CARD = "4111 1111 1111 1111"
INVALID, AMOUNTS = Reason.INVALID_DATA, Reason.AMOUNTS_DO_NOT_ADD_UP
Change = Callable[[dict[str, Any]], object]


def changed(model: type[Fact], change: Change) -> dict[str, Any]:
    """Return the event of a type's sample with its data changed."""
    body = json_of(an_event(sampled(model)))
    change(body["data"])
    return body


def setting(**values: Any) -> Change:
    return lambda data: data.update(values)


def at(*path: Any, **values: Any) -> Change:
    def change(data: Any) -> None:
        for part in path:
            data = data[part]
        data.update(values)

    return change


def again(name: str) -> Change:
    return lambda data: data[name].append(data[name][0])


REFUSED: Final[dict[str, tuple[type[Fact], Change, Reason]]] = {
    "void finer than its currency": (SaleVoided, setting(amount="1.005"), AMOUNTS),
    "void without an amount": (SaleVoided, setting(amount=None), INVALID),
    "reset that does not say from where": (
        TransactionRecorded,
        setting(last_before=None),
        INVALID,
    ),
    "training that says from where": (TransactionRecorded, setting(kind="training"), INVALID),
    "unknown kind of transaction": (TransactionRecorded, setting(kind="lunch"), INVALID),
    "means of payment declared twice": (TenderDeclared, again("tenders"), INVALID),
    "nothing declared": (TenderDeclared, setting(tenders=[]), INVALID),
    "declaration finer than its currency": (
        TenderDeclared,
        at("tenders", 1, amount="40.001"),
        AMOUNTS,
    ),
    "cash finer than its currency": (CashMoved, setting(amount="0.001"), AMOUNTS),
    "negative cash": (CashMoved, setting(amount="-1.00"), INVALID),
    "terminal opened twice": (StoreDayOpened, again("terminals"), INVALID),
    "terminal closed twice": (StoreDayClosed, again("terminals"), INVALID),
    "more sales than numbers": (StoreDayClosed, at("terminals", 0, sales=12), INVALID),
    "numbers used twice": (
        StoreDayClosed,
        at("terminals", 0, last_sequence=5043),
        INVALID,
    ),
    "counter that went backwards": (
        StoreDayClosed,
        at("terminals", 0, resets=[], first_sequence=9, last_sequence=8, sales=0, returns=0),
        INVALID,
    ),
    "run that ends before it begins": (
        StoreDayClosed,
        at("terminals", 0, "resets", 0, last_before=5041),
        INVALID,
    ),
    "transfer without a goal": (InventoryAdjusted, setting(to_store=None), INVALID),
    "damage with a goal": (InventoryAdjusted, setting(kind="damaged"), INVALID),
    "transfer to itself": (InventoryAdjusted, setting(to_store="DUBAI"), INVALID),
    "line that changes nothing": (InventoryAdjusted, at("lines", 0, quantity="0"), INVALID),
    "negative transfer": (InventoryAdjusted, at("lines", 0, quantity="-4"), INVALID),
    "adjusted line listed twice": (InventoryAdjusted, again("lines"), INVALID),
    "counted line listed twice": (StockCounted, again("lines"), INVALID),
    "article counted twice": (
        StockCounted,
        at("lines", 1, item="10040", variant="L"),
        INVALID,
    ),
    "negative count": (StockCounted, at("lines", 1, quantity="-1"), INVALID),
    "gift card finer than its currency": (GiftCardSold, setting(amount="50.001"), AMOUNTS),
    "empty gift card": (GiftCardSold, setting(amount="0"), INVALID),
    "order whose total is another": (OrderPlaced, setting(total="800.01"), AMOUNTS),
    "order finer than its currency": (
        OrderPlaced,
        at("lines", 0, discount="40.001"),
        AMOUNTS,
    ),
    "order line given away for less than nothing": (
        OrderPlaced,
        lambda data: data["lines"].append(
            {**data["lines"][0], "number": 2, "quantity": "1", "discount": "420.01"}
        ),
        AMOUNTS,
    ),
    "order line listed twice": (OrderPlaced, again("lines"), AMOUNTS),
    "order of nothing": (OrderPlaced, setting(lines=[], total="0"), INVALID),
    "change that is no change": (OrderChanged, setting(version=0), INVALID),
    "payment finer than its currency": (PaymentCaptured, setting(amount="1.001"), AMOUNTS),
    "payment of nothing": (PaymentCaptured, setting(amount="0"), INVALID),
    "declined without saying why": (OrderStatusChanged, setting(reason=None), INVALID),
    "confirmed for a reason": (OrderStatusChanged, setting(status="confirmed"), INVALID),
    "customer without a name": (
        CustomerRegistered,
        lambda data: data.pop("name"),
        INVALID,
    ),
    "country written out": (CustomerUpdated, setting(country="Emirates"), INVALID),
    "document of nothing": (DocumentPosted, setting(subject=""), INVALID),
    "document of money in no currency": (DocumentPosted, setting(amount="1"), INVALID),
    "return whose new goods share a basket discount": (
        SaleReturned,
        at(
            "exchanged_lines",
            0,
            discounts=[],
            basket_discount="5.00",
        ),
        AMOUNTS,
    ),
    "exchange that forgets what came back": (SaleCompleted, setting(exchanged_lines=[]), AMOUNTS),
    "exchanged line under a number already used": (
        SaleCompleted,
        at("exchanged_lines", 0, number=1),
        AMOUNTS,
    ),
    "reversal of an event with a card number": (
        ReversalOrdered,
        at("event", "data", note=CARD),
        Reason.CARD_NUMBER,
    ),
    "stamp with another alphabet": (SaleCompleted, at("e_invoice", hash="ص"), INVALID),
}


@pytest.mark.parametrize("case", REFUSED)
def test_contradiction_is_refused_with_its_reason(case: str) -> None:
    model, change, reason = REFUSED[case]

    error = refusal(changed(model, change))

    assert error.reason is reason


def test_a_counter_may_begin_again_before_and_after_the_numbers_it_used() -> None:
    day = TerminalDay.model_validate_json(
        json.dumps(
            {
                "terminal": "T1",
                "first_sequence": 1,
                "last_sequence": 1004,
                "resets": [
                    {"last_before": 0, "first_after": 40},
                    {"last_before": 42, "first_after": 1},
                    {"last_before": 7, "first_after": 1001},
                ],
                "sales": 14,
                "returns": 0,
            }
        )
    )

    assert day.runs == ((1, 0), (40, 42), (1, 7), (1001, 1004))


def test_day_without_resets_is_one_run() -> None:
    day = TerminalDay(terminal="T1", first_sequence=5, last_sequence=5, sales=1, returns=0)

    assert day.runs == ((5, 5),)


def test_two_sources_may_call_their_changes_of_a_customer_by_the_same_version() -> None:
    update = sampled(CustomerUpdated)
    others = [
        update.model_copy(update={"source": "shop", "store": None}),
        update.model_copy(update={"store": "ABU-DHABI"}),
        update.model_copy(update={"version": 3}),
    ]

    assert len({update.event_id, *(other.event_id for other in others)}) == 4


def test_every_counting_fact_has_an_id_per_revision() -> None:
    for model in (SaleVoided, StoreDayOpened, StockCounted, OrderChanged, StoreDayClosed):
        fact = sampled(model)
        name = "version" if model is OrderChanged else "revision"
        assert fact.model_copy(update={name: 7}).event_id != fact.event_id


def _texts(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, part in parts:
        if isinstance(part, (dict, list)):
            found += _texts(part, (*path, name))
        elif isinstance(part, str):
            found.append((*path, name))
    return found


QUOTED = {"document-posted", "document-rejected"}
"""They quote what was refused or booked elsewhere, masked rather than refused."""


@pytest.mark.parametrize("type_", [type_ for type_ in FACTS if FACTS[type_].TOPIC not in QUOTED])
def test_card_number_is_refused_in_every_text_of_every_fact(type_: str) -> None:
    plain = json_of(an_event(sampled(FACTS[type_])))
    for path in _texts(plain["data"]):
        for digits in (CARD, CARD.replace(" ", "")):
            body = json.loads(json.dumps(plain))
            parent = body["data"]
            for part in path[:-1]:
                parent = parent[part]
            parent[path[-1]] = digits

            error = refusal(body)

            # A field of another form, such as a date or a country, refuses it for its form.
            assert error.reason in (Reason.CARD_NUMBER, INVALID, Reason.UNKNOWN_CURRENCY), path
            assert "4111" not in error.detail


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (SaleCompleted, ("loyalty_card",)),
        (SaleCompleted, ("lines", 1, "gift_card")),
        (SaleCompleted, ("tax_invoice", "buyer_name")),
        (SaleCompleted, ("e_invoice", "qr")),
        (SaleCompleted, ("exchanged_lines", 0, "reason")),
        (GiftCardSold, ("card",)),
        (PaymentCaptured, ("payment",)),
        (OrderPlaced, ("order",)),
        (OrderPlaced, ("delivery", "name")),
        (CashMoved, ("bag",)),
        (ReversalOrdered, ("reason",)),
    ],
)
def test_card_number_in_a_new_field_is_called_one(model: type[Fact], path: tuple[Any, ...]) -> None:
    digits = CARD.replace(" ", "")

    error = refusal(changed(model, at(*path[:-1], **{path[-1]: digits})))

    assert error.reason is Reason.CARD_NUMBER


def test_stamp_of_a_device_travels_untouched() -> None:
    uuids = ("8E6000CF-1a98-4174-B3E7-b5d5954bc10d", "41111111-1111-1111-8111-11111111111a")
    hashes = ("f+0WCqnPkInI+eL9G3LAry12fTPf+toC9UX07F4fI+s=", "4111111111111111" * 3 + "a")
    for uuid, digest in zip(uuids, hashes, strict=True):
        body = changed(SaleCompleted, at("e_invoice", uuid=uuid, hash=digest, previous_hash=digest))

        event = decode(json.dumps(body).encode())

        assert json.loads(encode(event))["data"]["e_invoice"] == body["data"]["e_invoice"]


@pytest.mark.parametrize(
    ("currency", "rounding", "accepted"),
    [
        ("GBP", "0.99", True),
        ("GBP", "1.00", False),
        ("HUF", "2.50", True),
        ("HUF", "2.51", False),
        ("CLP", "-5", True),
        ("CLP", "6", False),
    ],
)
def test_rounding_is_at_most_half_the_smallest_coin(
    currency: str, rounding: str, accepted: bool
) -> None:
    body = json_of()
    due = 24 + int(rounding.partition(".")[0])
    total = f"{due}{rounding[rounding.index('.') :]}" if "." in rounding else str(due)
    body["data"].update(currency=currency, rounding=rounding, total=total)
    body["data"]["lines"][0].update(unit_price="12", net_amount="20")
    body["data"]["lines"][0]["taxes"][0]["amount"] = "4"
    body["data"]["tenders"][0].update(
        currency=currency, amount=total, amount_in_sale_currency=total
    )

    if accepted:
        decode(json.dumps(body).encode())
    else:
        assert "rounding of" in refusal(body).detail
