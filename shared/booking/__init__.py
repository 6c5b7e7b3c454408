"""From deliveries to documents: the one way every service books a fact once.

plan    `prepare` says what a fact is to become, or its outcome where nothing can be booked
book    what the inbox knows is announced again; the rest is posted, recorded, announced
judge   an error of Dynamics becomes the outcome by what can help it
"""

from __future__ import annotations

from shared.booking.booking import Booker, Plan, Prepare, posted
from shared.booking.configured import configured
from shared.booking.digests import content_digest
from shared.booking.failures import failure
from shared.booking.missing import missing_key
from shared.booking.quotes import without_quotes
from shared.booking.reversals import not_reversible, ordered_back

__all__ = [
    "Booker",
    "Plan",
    "Prepare",
    "configured",
    "content_digest",
    "failure",
    "missing_key",
    "not_reversible",
    "ordered_back",
    "posted",
    "without_quotes",
]
