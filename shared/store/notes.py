"""Small texts by name that all instances share and change one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Notes(ABC):
    """For state that is read and written as a whole, such as a rate budget; no queue, no log."""

    @abstractmethod
    async def change(self, name: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        """Replace the text under `name` by what `change` makes of it, and return its answer.

        `change` gets None the first time. Nobody else changes the note meanwhile; when `change`
        raises, it stays as it is. Raises `StoreUnavailable`.
        """


class MemoryNotes(Notes):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    async def change(self, name: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        self._texts[name], answer = change(self._texts.get(name))
        return answer
