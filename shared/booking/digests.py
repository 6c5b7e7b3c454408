"""Whether two facts under one id say the same."""

from __future__ import annotations

import hashlib

from shared.events import Fact


def content_digest(fact: Fact) -> str:
    """Return the SHA-256 of what the fact says, as hex.

    Fields at their defaults do not count, so that a later version of the contract, which may only
    add fields with defaults, gives an old fact the digest it had.
    """
    content = fact.model_dump_json(exclude_defaults=True)
    return hashlib.sha256(content.encode()).hexdigest()
