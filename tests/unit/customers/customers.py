"""Facts about customers, as tills and shops publish them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.events import CustomerRegistered, CustomerUpdated

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
COMPANY, NUMBER = "gbrt", "C-1"
KEY = f"{COMPANY}/{NUMBER}"


def registered(version: int = 1, **changes: Any) -> CustomerRegistered:
    """A till in London has a new customer."""
    return CustomerRegistered.model_validate(_fact(version) | {"name": "Ada Lovelace"} | changes)


def updated(version: int = 2, **changes: Any) -> CustomerUpdated:
    """The same till has changed what it knows; by default nothing in particular."""
    return CustomerUpdated.model_validate(_fact(version) | changes)


def from_shop(version: int = 1, **changes: Any) -> CustomerUpdated:
    """The web shop has changed what it knows."""
    return updated(version, **({"source": "shop", "store": None} | changes))


def _fact(version: int) -> dict[str, Any]:
    return {
        "company": COMPANY,
        "customer": NUMBER,
        "version": version,
        "source": "till",
        "store": "LONDON",
        # A later version was entered later, a minute each, well before anything is delivered.
        "changed_at": NOW - timedelta(days=1) + timedelta(minutes=version),
    }


def histories() -> st.SearchStrategy[list[CustomerUpdated]]:
    """Draw the changes of one customer in several places, each counting its own versions."""
    values = st.sampled_from(["a@example.com", "b@example.com", "c@example.com"])
    phones = st.sampled_from(["+44 1", "+44 2", None])
    minutes = st.integers(0, 6)
    change = st.tuples(st.sampled_from(_PLACES), values | st.none(), phones, minutes)

    def facts(changes: list[Any]) -> list[CustomerUpdated]:
        counted: dict[Any, int] = {}
        drawn = []
        for place, email, phone, minute in changes:
            counted[place] = counted.get(place, 0) + 1
            source, store = place
            drawn.append(
                updated(
                    counted[place],
                    source=source,
                    store=store,
                    email=email,
                    phone=phone,
                    changed_at=NOW + timedelta(minutes=minute),
                )
            )
        return drawn

    return st.lists(change, min_size=1, max_size=8).map(facts)


_PLACES = [("till", "LONDON"), ("till", "LEEDS"), ("shop", None), ("dynamics", None)]
