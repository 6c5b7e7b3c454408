"""Service protection: what each product allows one principal; gates.py applies it.

Off unless asked for. Numbers and codes: dynamics.md 1.7, 2.5 and 3.5. A refused request counts
against nothing. What Finance & Operations calls a resource is not published: here a request costs
one unit of work and one more for each thousand bytes sent, drawn from one bucket for all callers;
the lower a caller's priority, the fuller the bucket must be for it. Inventory Visibility and
Commerce publish no limits and have none.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

Priority = Literal["high", "medium", "low"]


class Refusal(Exception):
    """The request is one too many; answered by `Product.refuse` with these arguments."""

    def __init__(self, status: int, retry_after: int | None, code: str = "") -> None:
        super().__init__(status, retry_after, code)
        self.status = status
        self.retry_after = retry_after
        self.code = code


@dataclass(frozen=True, slots=True)
class ResourceLimit:
    """Finance & Operations: work done by the environment as a whole, drawn by priority."""

    capacity: float = 10_000
    """Units of work that may be drawn at once."""
    per_second: float = 1_000
    """Units that come back."""
    priorities: Mapping[str, Priority] = field(default_factory=dict)
    """Client id -> priority, the form Throttling priority mapping; medium for all others."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """Business Central: per user a sliding window, and a queue in front of a few workers."""

    requests: int = 6_000
    window: float = 300
    """Seconds."""
    running: int = 5
    queued: int = 95
    patience: float = 480
    """Seconds a request may wait in the queue."""


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """Dataverse: per user three facets at once."""

    requests: int = 6_000
    execution: float = 1_200
    """Seconds of execution time, summed over the window."""
    concurrent: int = 52
    window: float = 300
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of every product that has any."""

    finance_operations: ResourceLimit = ResourceLimit()
    business_central: QueueLimit = QueueLimit()
    dataverse: WindowLimit = WindowLimit()


@lru_cache(maxsize=256)
def principal_of(authorization: str) -> str:
    """The client id a token names, the user of basic authentication, or nobody: ''.

    Nothing is verified here; a token that proves nothing is refused by the product behind.
    """
    scheme, _, value = authorization.partition(" ")
    try:
        if scheme.lower() == "basic":
            return base64.b64decode(value).decode().partition(":")[0]
        claims = json.loads(base64.urlsafe_b64decode(value.split(".")[1] + "=="))
        return str(claims.get("appid", ""))
    except (ValueError, IndexError, AttributeError):
        return ""
