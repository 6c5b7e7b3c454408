"""Reads a model from JSON and finds what it tolerated: fields it does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

M = TypeVar("M", bound=BaseModel)


def read_tolerantly(model: type[M], json: dict[str, Any]) -> tuple[M, list[Any]]:
    """Return the model read from JSON, and the values of all fields it does not know.

    Strict, and from JSON text: only so may a date be a string while a number must not. Raises
    pydantic's ValidationError.
    """
    text = to_json(json)
    try:
        # Nearly every event has no unknown field; pydantic finds that out faster than we could.
        return model.model_validate_json(text, strict=True, extra="forbid"), []
    except ValidationError:
        read = model.model_validate_json(text, strict=True)
    found: list[Any] = []
    _collect(read, json, found)
    return read, found


@cache
def _field_names(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(model.model_fields)


def _collect(read: Any, value: Any, found: list[Any]) -> None:
    if isinstance(value, list) and isinstance(read, tuple):
        for read_part, part in zip(read, value, strict=True):
            _collect(read_part, part, found)
    elif isinstance(value, dict) and isinstance(read, BaseModel):
        fields = _field_names(type(read))
        for name, part in value.items():
            if name not in fields:
                found.append(part)
            elif isinstance(part, (dict, list)):
                _collect(getattr(read, name), part, found)


def texts_in(values: Iterable[Any]) -> Iterator[str]:
    """Yield every string and whole number in JSON values, at any depth, numbers as text."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from texts_in(value)
            yield from texts_in(value.values())
        elif isinstance(value, list):
            yield from texts_in(value)
        elif isinstance(value, int):
            yield str(value)
