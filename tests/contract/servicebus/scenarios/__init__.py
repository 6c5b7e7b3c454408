"""The scenarios, in the order of the fidelity matrix. Importing this registers them."""

from __future__ import annotations

from tests.contract.servicebus.scenarios import (  # noqa: I001  # the matrix's order
    sending as sending,
    messages as messages,
    settlement as settlement,
    locks as locks,
    receiving as receiving,
    dead_letters as dead_letters,
    expiry as expiry,
    scheduling as scheduling,
    browsing as browsing,
    duplicates as duplicates,
    deferral as deferral,
    sessions as sessions,
    session_state as session_state,
    topics as topics,
    rules as rules,
    forwarding as forwarding,
    entities as entities,
    administration as administration,
    connections as connections,
)
