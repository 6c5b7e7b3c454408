"""Which fields say something about a person, and a fact without them.

A field annotated with PERSONAL is left out of a fact that is erased for its subject; the key, the
articles and the amounts stay, because the books need them. Its JSON Schema says `x-personal: true`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class _Personal:
    """Marks a field; see PERSONAL."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "x-personal": True}

    def __repr__(self) -> str:
        return "PERSONAL"


PERSONAL: Final = _Personal()
"""Annotation of a field that may name or describe a person. It has a default, or is a text."""

ERASED: Final = "erased"
"""What stands in a personal text that may not be absent."""


def personal_fields(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a model's own fields that are marked PERSONAL."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if any(each is PERSONAL for each in field.metadata)
    )


def personal_texts(value: Any) -> Iterator[str]:
    """Yield every text that stands in a personal field of a fact, or of a part of one."""
    if isinstance(value, tuple):
        for part in value:
            yield from personal_texts(part)
    elif isinstance(value, BaseModel):
        personal = personal_fields(type(value))
        for name in type(value).model_fields:
            held = getattr(value, name)
            if name in personal and isinstance(held, str):
                yield held
            else:
                yield from personal_texts(held)


def without_personal_fields(value: Any) -> Any:
    """Return a fact, or a part of one, with every personal field at its default or ERASED."""
    if isinstance(value, tuple):
        return tuple(without_personal_fields(part) for part in value)
    if not isinstance(value, BaseModel):
        return value
    changed = dict(_without(value))
    return value.model_copy(update=changed) if changed else value


def _without(value: BaseModel) -> Iterator[tuple[str, Any]]:
    personal = personal_fields(type(value))
    for name, field in type(value).model_fields.items():
        held = getattr(value, name)
        if name in personal:
            default = (
                ERASED if field.is_required() else field.get_default(call_default_factory=True)
            )
            yield name, default
        elif isinstance(held, BaseModel | tuple):
            without = without_personal_fields(held)
            if without is not held:
                yield name, without
