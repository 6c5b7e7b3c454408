"""Decimals read exactly: from text or whole numbers, never from binary floating point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .reasons import Reason

FRACTION_DIGITS = 6
"""Digits allowed after the point: unit prices of goods sold by the thousand need them."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Annotates a Decimal in plain notation, without exponent.

    JSON holds a string or a whole number; a number with a point is refused, because it has been a
    binary floating point number somewhere. Python code may pass Decimal, str or int. Written as a
    string. Reading JSON is left to pydantic's compiled parts: a sale has a hundred such fields.
    """

    sign: str = ""
    """Regular expression of the signs allowed."""
    integer_digits: int = 15
    """Digits allowed before the point."""

    @property
    def pattern(self) -> str:
        """Return the regular expression of the text (valid in Python, Rust and JSON Schema)."""
        return rf"^{self.sign}[0-9]{{1,{self.integer_digits}}}(\.[0-9]{{1,{FRACTION_DIGITS}}})?$"

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        message = (
            f"not a number {'' if self.sign else 'of zero or more '}written as a string with at"
            f" most {self.integer_digits} digits before and {FRACTION_DIGITS} after its point,"
            " for example '12.50'"
        )
        whole = 10**self.integer_digits - 1
        from_json = core_schema.union_schema(
            [
                core_schema.no_info_after_validator_function(
                    Decimal, core_schema.str_schema(pattern=self.pattern)
                ),
                core_schema.no_info_after_validator_function(
                    Decimal,
                    core_schema.int_schema(strict=True, ge=-whole if self.sign else 0, le=whole),
                ),
            ],
            mode="left_to_right",
            custom_error_type=Reason.INVALID_DATA.value,
            custom_error_message=message,
        )
        return core_schema.json_or_python_schema(
            json_schema=from_json,
            python_schema=core_schema.no_info_plain_validator_function(
                _python_reader(re.compile(self.pattern), message)
            ),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text: JsonSchemaValue = {"type": "string", "pattern": self.pattern}
        if handler.mode == "serialization":
            return text
        whole = {"type": "integer"} if self.sign else {"type": "integer", "minimum": 0}
        return {"anyOf": [text, whole]}


def _python_reader(pattern: re.Pattern[str], message: str) -> Any:
    def read(value: object) -> Decimal:
        if isinstance(value, Decimal):
            # Exponents are written out; a value that is not finite becomes no number's text.
            text = format(value, "f")
        elif isinstance(value, str) or (type(value) is int and abs(value) < 10**18):
            text = str(value)
        else:
            text = ""
        if not pattern.fullmatch(text):
            raise PydanticCustomError(Reason.INVALID_DATA.value, message)
        return Decimal(text)

    return read
