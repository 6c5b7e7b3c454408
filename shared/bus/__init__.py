"""Between a service's handlers and the bus: messages, publishing, outcomes, settlement, retries.

Handlers see `Delivery` and answer with an `Outcome`. `shared.bus.triggers` registers them with
Azure Functions and is imported by `function_app.py` only, so that a handler's tests never load it.
"""

from __future__ import annotations

from shared.bus.answering import OTHER_CONTENT, each_once, first_of_each, or_later
from shared.bus.collaborators import BusCollaborators, BusSettings, bus_collaborators, once
from shared.bus.delivery import Delivery, Handler
from shared.bus.outcomes import Done, Later, Outcome, Parked, Rejected, nameless, without_store
from shared.bus.publisher import Publisher, PublishFailed, Unsent
from shared.bus.retry import RetryPolicy
from shared.bus.topology import InvalidTopology, Topology

__all__ = [
    "OTHER_CONTENT",
    "BusCollaborators",
    "BusSettings",
    "Delivery",
    "Done",
    "Handler",
    "InvalidTopology",
    "Later",
    "Outcome",
    "Parked",
    "PublishFailed",
    "Publisher",
    "Rejected",
    "RetryPolicy",
    "Topology",
    "Unsent",
    "bus_collaborators",
    "each_once",
    "first_of_each",
    "nameless",
    "once",
    "or_later",
    "without_store",
]
