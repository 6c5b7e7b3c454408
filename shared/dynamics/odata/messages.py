"""One HTTP request and one HTTP response as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Operation:
    """One request below the service root; `path` is percent-encoded and has no leading slash, or is
    a whole URL that the service itself gave (a next page). `headers` beside the usual ones."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_id: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300
