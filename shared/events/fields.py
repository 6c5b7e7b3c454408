"""The constrained types the facts are made of.

Amounts are JSON strings (or whole numbers): a JSON number with a point is refused, because it has
been a binary floating point number somewhere. Text is refused when it holds a card number.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from .card_numbers import LONGEST_GTIN, holds_card_number
from .money import MINOR_UNITS
from .reasons import Reason

DECIMAL_PATTERN = r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"
"""A number in plain notation: at most 15 digits before and 6 after the point."""

DETAIL_LENGTH = 1024
"""Characters kept of an explanation; Service Bus allows 4096 for a dead-letter description."""

_PLAIN_DECIMAL = re.compile(DECIMAL_PATTERN)


class Frozen(BaseModel):
    """Base of everything in a fact: immutable, tolerant of unknown fields, silent about input."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        # Errors end in logs and dead-letter descriptions: they name the field, never its content.
        hide_input_in_errors=True,
    )


def _exact_decimal(value: Any) -> Decimal:
    if type(value) is Decimal and value.is_finite():
        value = format(value, "f")
    elif type(value) is int:
        value = str(value) if abs(value) < 10**15 else ""
    elif not isinstance(value, str):
        raise PydanticCustomError(
            Reason.INVALID_DATA.value, "write the number as a string, for example '12.50'"
        )
    if not _PLAIN_DECIMAL.fullmatch(value):
        raise PydanticCustomError(
            Reason.INVALID_DATA.value,
            "a number has at most 15 digits before and 6 after its point, without exponent",
        )
    return Decimal(value)


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


def _refuse(text: str, shortest: int) -> str:
    if holds_card_number(text, shortest=shortest):
        raise PydanticCustomError(Reason.CARD_NUMBER.value, "looks like a payment card number")
    return text


def _without_card_number(text: str) -> str:
    return _refuse(text, 13)


def _identifier_without_card_number(text: str) -> str:
    return _refuse(text, LONGEST_GTIN + 1)


_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

_Decimal = Annotated[
    Decimal,
    BeforeValidator(_exact_decimal),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": DECIMAL_PATTERN}, {"type": "integer"}]},
        mode="validation",
    ),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN}, mode="serialization"),
]

SignedAmount = _Decimal
"""Money in the currency's minor units; negative where the field says so."""
Amount = Annotated[_Decimal, Field(ge=0)]
"""Money, zero or more."""
PositiveNumber = Annotated[_Decimal, Field(gt=0)]
"""A quantity or exchange rate: above zero, up to six decimals."""
Percent = Annotated[_Decimal, Field(ge=0, le=1000)]
"""A rate in percent: 20 means 20 %."""

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
Code = Annotated[str, StringConstraints(pattern=_CODE, max_length=30)]
"""A store or terminal: letters, digits, dot, underscore and hyphen, so it can stand in a key."""
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
