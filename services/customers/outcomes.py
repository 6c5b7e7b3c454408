"""One outcome of a fact with several effects, and what every handler may have to answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.bus import Done, Later, Outcome, Parked, Rejected
from shared.companies import Company
from shared.events import DocumentPosted, Effect, Reason
from shared.store.errors import StoreUnavailable

_log = logging.getLogger("tillbus.customers")

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


async def or_later(outcomes: Awaitable[Sequence[Outcome]], count: int) -> list[Outcome]:
    """Return the outcomes, or that all of the `count` deliveries wait for the store."""
    try:
        return list(await outcomes)
    except StoreUnavailable as error:
        _log.error("The store is unavailable, customers' facts wait: %s", error)
        return [Later(f"the store is unavailable: {error}")] * count


def configured(companies: Mapping[str, Company], company: str) -> Company | Rejected:
    """Return a company's settings, or that it has none."""
    settings = companies.get(company)
    if settings is None:
        detail = f"company {company} is not in the setting COMPANIES"
        return Rejected(Reason.UNKNOWN_COMPANY, detail)
    return settings
