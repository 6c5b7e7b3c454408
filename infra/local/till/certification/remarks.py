"""Remarks on a fact that would be accepted: what a vendor should look at before going live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json

from shared.events import BACKFILL, Event, Fact, TransactionKey, personal_fields

from .reading import Document
from .report import Finding

STANDARD_TIER_BYTES = 256 * 1024
"""Largest message of the Service Bus standard tier, its properties included."""
_PROPERTIES_BYTES = 4 * 1024
SKEW = timedelta(minutes=5)
"""How far clocks may differ before somebody should look at them."""
LATE = timedelta(days=1)
"""After how long a fact is late and belongs into the backfill lane."""

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]{2,}")
_PHONE = re.compile(r"\+[0-9][0-9 ()/-]{6,}[0-9]")
_MOMENTS = (
    "occurred_at",
    "closed_at",
    "opened_at",
    "observed_at",
    "changed_at",
    "given_at",
    "placed_at",
    "cancelled_at",
    "captured_at",
)


def remarks_on(event: Event, document: Document, now: datetime) -> Iterator[Finding]:
    """Yield the remarks on the event that was read from a document."""
    where, subject = document.where, event.subject
    data = from_json(document.body)["data"]
    if len(document.body) > STANDARD_TIER_BYTES - _PROPERTIES_BYTES:
        text = f"{len(document.body)} bytes do not fit a message of the standard tier"
        yield Finding("size", where, text, subject=subject)
    for path in _unknown(event.data, data):
        text = f"{path} is no field of the contract and is ignored"
        yield Finding("fields", where, text, subject=subject)
    for path in _telling(event.data):
        text = f"{path} seems to hold an e-mail address or telephone number"
        yield Finding("personal-data", where, text, subject=subject)
    for text in _clocks(event, now):
        yield Finding("clocks", where, text, subject=subject)


def moment_of(fact: Fact) -> datetime | None:
    """Return when the fact happened; None for one that does not say."""
    for name in _MOMENTS:
        moment = getattr(fact, name, None)
        if isinstance(moment, datetime):
            return moment
    return None


def _clocks(event: Event, now: datetime) -> Iterator[str]:
    if event.time > now + SKEW:
        yield f"time {event.time.isoformat()} lies in the future"
    moment = moment_of(event.data)
    if moment is None:
        return
    if moment > event.time + SKEW:
        yield "it was published before it happened: the clocks of till and publisher differ"
    if event.time - moment > LATE and event.lane != BACKFILL:
        yield f"it was published a day or more after it happened: set lane to {BACKFILL!r}"
    key = getattr(event.data, "key", None)
    if isinstance(key, TransactionKey) and abs((moment.date() - key.business_day).days) > 1:
        yield f"it happened on {moment.date()}, its business day is {key.business_day}"


def _unknown(read: Any, data: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of fields the model does not know."""
    if isinstance(data, list) and isinstance(read, tuple):
        for index, (part, value) in enumerate(zip(read, data, strict=False)):
            yield from _unknown(part, value, f"{path}.{index}")
    elif isinstance(data, dict) and isinstance(read, BaseModel):
        for name, value in data.items():
            if name not in type(read).model_fields:
                yield f"{path}.{name}".removeprefix(".")
            else:
                yield from _unknown(getattr(read, name), value, f"{path}.{name}")


def _telling(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of texts that say something of a person where nothing should."""
    if isinstance(value, str):
        if _EMAIL.search(value) or _PHONE.search(value):
            yield path.removeprefix(".")
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from _telling(part, f"{path}.{index}")
    elif isinstance(value, BaseModel):
        personal = personal_fields(type(value))
        for name in type(value).model_fields:
            if name not in personal:
                yield from _telling(getattr(value, name), f"{path}.{name}")
