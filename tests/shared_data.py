"""Where tests find the real input data beside the checkout, and how they skip without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(relative: str) -> Path:
    """Return the path of one data file; skip the calling test, saying why, where it is absent."""
    path = Path(os.environ.get("TILLBUS_SHARED_DATA", _BESIDE_CHECKOUT)) / relative
    if not path.exists():
        pytest.skip(f"real input data is not present here: {relative}")
    return path
