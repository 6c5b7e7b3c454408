"""One request and one answer inside this product, alone or as a part of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JSON_TYPE = "application/json; odata.metadata=minimal; odata.streaming=true"


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    """Below the API's root, percent-decoded: `companies(…)/salesInvoices`."""
    options: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Mapping[str, object] | bytes | None = None
    """A JSON object, or the bytes of a media stream."""
    headers: Mapping[str, str] = field(default_factory=dict)
