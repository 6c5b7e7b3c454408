"""One outcome of a fact with several effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from shared.bus import Done, Later, Outcome, Parked, Rejected
from shared.events import DocumentPosted, Effect

_FIRST: Final = (Later, Parked, Rejected)
"""What decides on the whole: as long as a part can still succeed, none is given up."""


def combined(parts: Mapping[Effect, Outcome]) -> Outcome:
    """Return the outcome of the whole; what is booked of it is announced in any case."""
    documents: list[DocumentPosted] = [
        part.document for part in parts.values() if isinstance(part, Done) and part.document
    ]
    for kind in _FIRST:
        for effect, part in parts.items():
            if isinstance(part, kind):
                return replace(part, effect=effect, also=(*part.also, *documents))
    return Done(documents[0] if documents else None, tuple(documents[1:]))
