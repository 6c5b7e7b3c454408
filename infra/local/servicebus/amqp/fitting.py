"""Performatives for small frames: only transfers can be cut into several (AMQP 1.0, 2.3.1)."""

from __future__ import annotations

from typing import Any

from infra.local.servicebus.amqp.composites import encode_composite
from infra.local.servicebus.amqp.performatives import Error

FRAME_HEAD = 8
"""Bytes of a frame before its performative."""


def encode_fitting(performative: Any, size: int) -> bytes:
    """Encode it in `size` bytes where saying less of its error does that."""
    body = encode_composite(performative)
    if len(body) <= size:
        return body
    excess = len(body) - size
    rejected = getattr(performative, "state", None)
    error = getattr(rejected or performative, "error", None)
    if not isinstance(error, Error) or not error.description:
        return body
    # Whole characters are left out, each at least one byte; one more for a cut within one.
    kept = error.description.encode()[: -excess - 1].decode(errors="ignore")
    error = error._replace(description=kept)
    if rejected is None:
        return encode_composite(performative._replace(error=error))
    return encode_composite(performative._replace(state=rejected._replace(error=error)))
