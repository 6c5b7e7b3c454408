"""Card numbers are recognised; the numbers of everyday retail are not taken for one."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.card_numbers import (
    LONGEST_GTIN,
    holds_card_number,
    is_card_number,
    mask_card_numbers,
)

# Test numbers published by the issuers and acquirers.
CARDS = {
    "Visa": "4111111111111111",
    "Visa, 13 digits": "4222222222222",
    "Visa, 19 digits": "4917610000000000003",
    "Mastercard": "5555555555554444",
    "Mastercard, 2 series": "2223003122003222",
    "American Express": "378282246310005",
    "Diners Club": "30569309025904",
    "Discover": "6011111111111117",
    "JCB": "3530111333300000",
    "UnionPay": "6200000000000005",
    "Maestro": "6759649826438453",
}


@pytest.mark.parametrize("issuer", CARDS)
def test_card_number_of_every_issuer_is_recognised_however_it_is_written(issuer: str) -> None:
    digits = CARDS[issuer]
    groups = [digits[start : start + 4] for start in range(0, len(digits), 4)]

    for text in (digits, " ".join(groups), "-".join(groups), f"no. {digits}, exp 12/27"):
        assert holds_card_number(text)
    assert holds_card_number(f"07 {' '.join(groups)} 123")
    assert mask_card_numbers(f"a {digits} b") == "a **** b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5012345678900",  # EAN-13
        "15012345678907",  # GTIN-14
        "4111111111111112",  # wrong check digit
        "9999999999999995",  # no issuer
        "41111111111111110000",  # 20 digits
        "356938035643809",  # IMEI: an issuer's prefix in a length it never uses
        "2010-12-01 08:26:00",
        "+44 20 7946 0958",
        "gbrt/UNITED-KINGDOM/2010-12-01/T1/1",
        "41111111-1111-1111-8111-1111111111a1",  # a UUID, which is no card number by chance
        f"A 41111111-1111-1111-8111-1111111111A1, and {'4111111111111111' * 2}0000c",
    ],
)
def test_other_numbers_are_no_card_numbers(text: str) -> None:
    assert not holds_card_number(text)
    assert mask_card_numbers(text) == text


@given(st.integers(0, 10**LONGEST_GTIN - 1), st.sampled_from([8, 12, 13, 14]))
def test_no_trade_item_number_is_taken_for_a_card_number_in_an_identifier(
    number: int, length: int
) -> None:
    barcode = str(number % 10**length).zfill(length)

    assert not holds_card_number(barcode, shortest=LONGEST_GTIN + 1)


@given(st.integers(0, 10**12 - 1))
def test_exactly_one_check_digit_makes_a_card_number(middle: int) -> None:
    body = f"411{middle:012d}"

    assert sum(is_card_number(f"{body}{check}") for check in range(10)) == 1


def test_card_number_is_found_beside_a_uuid_and_in_what_only_looks_like_one() -> None:
    uuid = "41111111-1111-1111-8111-1111111111a1"

    assert mask_card_numbers(f"{uuid} 4111111111111111 {uuid}") == f"{uuid} **** {uuid}"
    assert holds_card_number(uuid.replace("a", "1"))  # a row of digits is nobody's UUID
    assert holds_card_number(f"x{uuid}")
    assert holds_card_number("card4111111111111111")


@given(st.uuids(), st.uuids())
def test_no_uuid_is_taken_for_a_card_number(one: UUID, other: UUID) -> None:
    for text in (str(one), f"{one}/{other}", one.hex, f"{one}-{other}".upper()):
        if any(letter in text.lower() for letter in "abcdef"):
            assert mask_card_numbers(text) == text
