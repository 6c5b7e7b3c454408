"""A fact without what it says about a person. Pure."""

from __future__ import annotations

from dataclasses import replace

from pydantic_core import from_json, to_json

from shared.events import InvalidEvent, decode, encode, without_personal_fields

_KEPT = ("specversion", "id", "type", "source", "subject", "time")
"""Attributes left of an event that cannot be read; none of them describes a person."""


def redacted(body: bytes) -> bytes:
    """Return the event with its personal fields at their defaults, or ERASED.

    Id, subject, key, articles and amounts stay, and so does its validity. Fields that its contract
    does not know are left out. Raises `InvalidEvent` for bytes that are no valid event.
    """
    event = decode(body)
    return encode(replace(event, data=without_personal_fields(event.data)))


def stripped(body: bytes) -> bytes:
    """Return the same of any message; of one that is no valid event only the envelope is left."""
    try:
        return redacted(body)
    except InvalidEvent:
        pass
    try:
        event = from_json(body)
    except ValueError:
        return b"{}"
    kept = event if isinstance(event, dict) else {}
    return to_json({name: kept[name] for name in _KEPT if isinstance(kept.get(name), str)})
