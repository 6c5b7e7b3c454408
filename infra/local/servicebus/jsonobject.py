"""Reading JSON objects key by key, with errors that say where and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from infra.local.servicebus.durations import parse_duration
from infra.local.servicebus.settings import ENTITY_NAME, ENTITY_NAME_RULE, path_of

T = TypeVar("T")
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "true or false",
}


class ConfigError(ValueError):
    """The configuration cannot be served; the text names file, JSON path and what is allowed."""


class JsonObject:
    """A JSON object being read key by key; end() refuses what nobody asked for."""

    def __init__(self, value: Any, origin: str, path: str) -> None:
        self._origin = origin
        self._path = path
        self._asked: set[str] = set()
        if not isinstance(value, dict):
            raise ConfigError(
                f"{origin}{path or 'the document'}: must be an object, not {value!r}."
            )
        self._values: dict[str, Any] = value

    def error(self, key: str, problem: str) -> ConfigError:
        where = ".".join(part for part in (self._path, key) if part)
        return ConfigError(f"{self._origin}{where}: {problem}.")

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._values

    def empty(self, key: str) -> JsonObject:
        return JsonObject({}, self._origin, f"{self._path}.{key}")

    def _get(self, key: str, kind: type[T]) -> T:
        if not self.has(key):
            raise self.error(key, "is missing")
        value = self._values[key]
        if not isinstance(value, kind):
            raise self.error(key, f"must be {_KINDS[kind]}, not {json.dumps(value)}")
        return value

    def object(self, key: str) -> JsonObject:
        path = ".".join(part for part in (self._path, key) if part)
        return JsonObject(self._get(key, dict), self._origin, path)

    def optional_object(self, key: str) -> JsonObject | None:
        return self.object(key) if self.has(key) else None

    def objects(self, key: str, *, optional: bool = False) -> list[JsonObject]:
        if optional and not self.has(key):
            return []
        path = ".".join(part for part in (self._path, key) if part)
        return [
            JsonObject(value, self._origin, f"{path}[{index}]")
            for index, value in enumerate(self._get(key, list))
        ]

    def text(self, key: str) -> str:
        return self._get(key, str)

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def entity_path(self, key: str) -> str | None:
        """A path such as 'q', or the URI 'sb://host/q' of it; an empty text is none."""
        return path_of(self.text(key)) or None

    def texts(self, key: str, *allowed: str) -> list[str]:
        """An array of some of these texts."""
        found = self._get(key, list)
        for each in found:
            if each not in allowed:
                problem = f"{json.dumps(each)} is not allowed; allowed are {_listed(allowed)}"
                raise self.error(key, problem)
        return found

    def boolean(self, key: str) -> bool:
        return self._get(key, bool)

    def positive(self, key: str) -> int:
        value = self._values[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(key, f"must be a whole number from 1, not {json.dumps(value)}")
        return value

    def time_to_live(self, key: str) -> int | None:
        """ms, None = unlimited."""
        try:
            duration = parse_duration(self.text(key))
        except ValueError as error:
            raise self.error(key, str(error)) from error
        if duration == 0:
            raise self.error(key, "must be longer than nothing")
        return duration

    def duration(self, key: str) -> int:
        """ms."""
        duration = self.time_to_live(key)
        if duration is None:
            raise self.error(key, "must be limited")
        return duration

    def choice(self, key: str, *allowed: str) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.error(key, f"'{value}' is not allowed; allowed are {_listed(allowed)}")
        return value

    def name(self) -> str:
        name = self.text("Name")
        if not ENTITY_NAME.fullmatch(name):
            raise self.error("Name", f"'{name}' is not a name: {ENTITY_NAME_RULE}")
        return name

    def scalars(self) -> dict[str, Any]:
        for key, value in self._values.items():
            if not isinstance(value, str | int | float):
                raise self.error(key, f"must be a text, number or truth, not {json.dumps(value)}")
        return dict(self._values)

    def unique(self, what: str, names: Iterable[str]) -> None:
        """Names differ in more than case."""
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                raise ConfigError(f"{self._origin}{self._path}: two {what} are named '{name}'.")
            seen.add(name.lower())

    def end(self) -> None:
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, f"is not known; known are {_listed(sorted(self._asked))}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
