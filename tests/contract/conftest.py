"""What holds for every contract suite of a service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

SERVICES = frozenset({"customers", "inventory", "orders", "sales"})
"""Folders of suites that work with a wired service."""


@pytest.fixture(autouse=True, scope="module")
def _known_pace(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a service's fresh worker send as fast as one that has long found its pace.

    Real time would otherwise go by while it feels its way up from what it dares at first. That it
    does so, and slows down where it is refused, is told by `dynamics_dataverse/test_protocol.py`
    and `tests/simulation/governor`."""
    is_a_service = request.path.parent.name in SERVICES
    with pytest.MonkeyPatch.context() as patched:
        for module in ("connection", "business_central") if is_a_service else ():
            patched.setattr(f"shared.dynamics.{module}._FIRST_RATE", 1000.0)
        yield
