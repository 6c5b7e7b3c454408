"""Dynamics 365 for services: ports in business words, one error tree, adapters behind them."""

from __future__ import annotations

from shared.dynamics.finance_operations import finance_operations
from shared.dynamics.odata.errors import (
    AlreadyExists,
    Conflict,
    DynamicsError,
    Evidence,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.ports import (
    Body,
    Booked,
    Failed,
    Posting,
    RetailTransaction,
    RetailTransactions,
)
from shared.dynamics.settings import DynamicsSettings

__all__ = [
    "AlreadyExists",
    "Body",
    "Booked",
    "Conflict",
    "DynamicsError",
    "DynamicsSettings",
    "Evidence",
    "Failed",
    "MissingParent",
    "Posting",
    "Refused",
    "RetailTransaction",
    "RetailTransactions",
    "SetUpWrong",
    "TryLater",
    "credential",
    "finance_operations",
]


def __getattr__(name: str) -> object:
    # azure-identity and httpx cost a worker's cold start 0.3 s; only who signs in loads them.
    if name == "credential":
        from shared.dynamics.auth import credential

        return credential
    raise AttributeError(name)
