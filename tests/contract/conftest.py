"""What holds for every contract suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _known_pace() -> Iterator[None]:
    """Let a fresh worker send as fast as one that has long found its pace.

    Real time would otherwise go by while it feels its way up from what it dares at first; that it
    does, and slows down where it is refused, is `tests/simulation/governor`'s."""
    with pytest.MonkeyPatch.context() as patched:
        for module in ("connection", "business_central"):
            patched.setattr(f"shared.dynamics.{module}._FIRST_RATE", 1000.0)
        yield
