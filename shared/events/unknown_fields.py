"""Finds what a reader tolerates without reading it: fields its models do not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel


def unknown_values(model: BaseModel, json: dict[str, Any]) -> list[Any]:
    """Return the values of the fields of `json`, at any depth, that the model ignored."""
    found: list[Any] = []
    _collect(model, json, found)
    return found


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
