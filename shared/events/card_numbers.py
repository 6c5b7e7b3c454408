"""Recognises payment card numbers, so that none ever travels in a fact.

A card number (PAN, ISO/IEC 7812-1) is 13 to 19 digits with an issuer's prefix, in a length that
issuer uses, and a valid check digit (Luhn). Digits may stand in groups separated by single spaces
or hyphens; every sequence of neighbouring groups is looked at, so "07 4111 1111 1111 1111" is seen.

Texts people type are held to the whole rule. Item numbers and barcodes are held to it from 15
digits on only: GTINs end at 14 digits and one in ten of them passes Luhn by chance. UUIDs and
hexadecimal digests are passed over: one UUID in three thousand holds such digits by chance, and no
card number is written among letters.
"""

from __future__ import annotations

import re
from itertools import accumulate

SHORTEST, LONGEST = 13, 19
"""Digits of a card number, inclusive."""

LONGEST_GTIN = 14
"""Digits of the longest trade item number (GS1 General Specifications, GTIN-14)."""

# Issuer prefixes as (first, last, lengths); the prefix is as many digits long as `first`.
_ANY = frozenset(range(16, LONGEST + 1))
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),  # Mastercard
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),  # American Express
    (300, 305, frozenset({14}) | _ANY),  # Diners Club
    (36, 36, frozenset({14}) | _ANY),  # Diners Club
    (38, 39, frozenset({14}) | _ANY),  # Diners Club
    (3528, 3589, _ANY),  # JCB
    (60, 60, _ANY),  # Discover, RuPay
    (62, 62, _ANY),  # UnionPay
    (64, 65, _ANY),  # Discover, RuPay
    (81, 82, _ANY),  # UnionPay, RuPay
    (2200, 2204, _ANY),  # Mir
    (9792, 9792, frozenset({16})),  # Troy
    (50, 50, frozenset(range(SHORTEST, LONGEST + 1))),  # Maestro
    (56, 58, frozenset(range(SHORTEST, LONGEST + 1))),  # Maestro
    (63, 63, _ANY),  # Maestro
    (67, 67, frozenset(range(SHORTEST, LONGEST + 1))),  # Maestro
)

_ENOUGH_DIGITS = re.compile(rf"\d(?:[ -]?\d){{{SHORTEST - 1}}}")
_DIGIT_GROUPS = re.compile(r"\d+(?:[ -]\d+)*")
# With a letter among its digits: a mere row of digits is nobody's UUID or digest.
_UUID_OR_DIGEST = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9-]*[a-f])"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,})(?![0-9A-Za-z])",
    re.IGNORECASE,
)


def holds_card_number(text: str, *, shortest: int = SHORTEST) -> bool:
    """Return whether the text contains a card number of at least `shortest` digits."""
    # Most texts are too short: an event has a hundred of them and is read by every service.
    if len(text) < shortest or _ENOUGH_DIGITS.search(text) is None:
        return False
    return any(
        len(run.group()) >= shortest and _run_holds_card_number(run.group(), shortest)
        for run in _DIGIT_GROUPS.finditer(_UUID_OR_DIGEST.sub("*", text))
    )


def mask_card_numbers(text: str) -> str:
    """Return the text with every run of digits that holds a card number replaced by stars."""
    if not holds_card_number(text):
        return text
    parts, position = [], 0
    for spared in _UUID_OR_DIGEST.finditer(text):
        parts += [_masked(text[position : spared.start()]), spared.group()]
        position = spared.end()
    return "".join([*parts, _masked(text[position:])])


def _masked(text: str) -> str:
    return _DIGIT_GROUPS.sub(
        lambda run: "****" if holds_card_number(run.group()) else run.group(), text
    )


def _run_holds_card_number(run: str, shortest: int) -> bool:
    groups = re.split("[ -]", run)
    for start in range(len(groups)):
        for digits in accumulate(groups[start:]):
            if len(digits) > LONGEST:
                break
            if len(digits) >= shortest and is_card_number(digits):
                return True
    return False


def is_card_number(digits: str) -> bool:
    """Return whether a string of digits alone is a card number."""
    return (
        any(
            len(digits) in lengths and first <= int(digits[: len(str(first))]) <= last
            for first, last, lengths in _ISSUERS
        )
        and _luhn_remainder(digits) == 0
    )


def _luhn_remainder(digits: str) -> int:
    values = [int(digit) for digit in reversed(digits)]
    doubled = (sum(divmod(2 * value, 10)) for value in values[1::2])
    return (sum(values[::2]) + sum(doubled)) % 10
