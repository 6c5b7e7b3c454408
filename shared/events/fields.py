"""The constrained types the facts are made of.

Amounts are JSON strings (or whole numbers): a JSON number with a point is refused, because it has
been a binary floating point number somewhere. Text is refused when it holds a card number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from .card_numbers import LONGEST_GTIN, holds_card_number
from .exact import Exact
from .money import MINOR_UNITS
from .reasons import Reason

DETAIL_LENGTH = 1024
"""Characters kept of an explanation; Service Bus allows 4096 for a dead-letter description."""


class Frozen(BaseModel):
    """Base of everything in a fact: immutable, tolerant of unknown fields, silent about input."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        # Errors end in logs and dead-letter descriptions: they name the field, never its content.
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


def _above_zero(number: Decimal) -> Decimal:
    if number <= 0:
        raise PydanticCustomError(Reason.INVALID_DATA.value, "a number above zero")
    return number


def _known_currency(code: str) -> str:
    if code not in MINOR_UNITS:
        raise PydanticCustomError(
            Reason.UNKNOWN_CURRENCY.value, "not an ISO 4217 currency in upper-case letters"
        )
    return code


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError(
            Reason.INVALID_DATA.value, "a moment within the years 1 to 9999 in UTC"
        ) from None


def _without_card_number(text: str) -> str:
    if holds_card_number(text):
        raise PydanticCustomError(Reason.CARD_NUMBER.value, "looks like a payment card number")
    return text


def _identifier_without_card_number(text: str) -> str:
    if holds_card_number(text, shortest=LONGEST_GTIN + 1):
        raise PydanticCustomError(Reason.CARD_NUMBER.value, "looks like a payment card number")
    return text


_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_BASE64_OR_HEX = r"^[A-Za-z0-9+/_-]*={0,2}$"
_CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

SignedAmount = Annotated[Decimal, Exact("-?")]
"""Money in the currency's minor units; negative where the field says so."""
Amount = Annotated[Decimal, Exact()]
"""Money, zero or more."""
PositiveNumber = Annotated[Decimal, Exact(), AfterValidator(_above_zero)]
"""A quantity or exchange rate: above zero, up to six decimals."""
Percent = Annotated[Decimal, Exact(integer_digits=3)]
"""A rate in percent, below 1000: 20 means 20 %."""

Currency = Annotated[
    str,
    AfterValidator(_known_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]
"""ISO 4217 code, upper case."""
UtcMoment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with an offset in JSON, always UTC once read."""

CompanyCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=10)]
"""A legal entity, lower case (Dynamics: dataAreaId)."""
Code = Annotated[
    str,
    StringConstraints(pattern=_CODE, max_length=30),
    AfterValidator(_identifier_without_card_number),
]
"""A number or code that can stand in a key: letters, digits, dot, underscore and hyphen."""
Identifier = Annotated[
    str,
    StringConstraints(pattern=_PRINTABLE, min_length=1, max_length=60),
    AfterValidator(_identifier_without_card_number),
]
"""An article number or barcode; up to 14 digits never count as a card number."""
ShortText = Annotated[
    str,
    StringConstraints(pattern=_PRINTABLE, min_length=1, max_length=60),
    AfterValidator(_without_card_number),
]
"""A name or code people chose, in one line, without a card number."""
Text = Annotated[
    str,
    StringConstraints(pattern=_PRINTABLE, max_length=1000),
    AfterValidator(_without_card_number),
]
"""Free text in one line, possibly empty, without a card number."""
Encoded = Annotated[
    str,
    StringConstraints(pattern=_BASE64_OR_HEX),
    AfterValidator(_without_card_number),
]
"""Bytes a device wrote as base64, base64url or hex, possibly empty; kept as they were spelled."""
