"""The scenarios. Importing this registers them, in the order of the fidelity matrix."""

from __future__ import annotations

from importlib import import_module

for _module in (
    "sending",
    "messages",
    "settlement",
    "locks",
    "receiving",
    "dead_letters",
    "expiry",
    "scheduling",
    "browsing",
    "duplicates",
    "deferral",
    "sessions",
    "session_state",
    "topics",
    "rules",
    "forwarding",
    "entities",
    "administration",
    "connections",
    "access",
):
    import_module(f"{__name__}.{_module}")
