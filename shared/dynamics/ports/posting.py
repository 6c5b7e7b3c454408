"""What every port answers when something is to be booked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.dynamics.odata.errors import DynamicsError

Body = Mapping[str, object]
"""Field name -> str, int, Decimal, date, datetime, bool or None."""


@dataclass(frozen=True, slots=True)
class Booked:
    """It is in Dynamics; `key` as in its OData URL, or as Dynamics numbered it.

    `already_there`: found and compared equal, by an earlier attempt of ours or another worker.
    """

    key: str
    already_there: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not known to be in Dynamics; the error's type says what helps."""

    error: DynamicsError


Posting = Booked | Failed
