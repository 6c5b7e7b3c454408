"""Dynamics' own words without the persons it quotes: what is said of a failure is kept for good."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from shared.dynamics import DynamicsError

E = TypeVar("E", bound=DynamicsError)

_SHORTEST_QUOTE = 3
"""Shorter values are words of any language, and tell nobody anything."""


def without_quotes(error: E, personal: Iterable[str]) -> E:
    """Return the error without these values where they stand as whole words.

    What is said of a failure ends in logs, dead letters and certificates, which nobody can erase a
    person from.
    """
    quotes = sorted({each for each in personal if len(each) >= _SHORTEST_QUOTE}, key=len)
    if not quotes:
        return error
    values = "|".join(re.escape(each) for each in reversed(quotes))
    pattern = re.compile(rf"(?<!\w)(?:{values})(?!\w)", re.IGNORECASE)
    clean = copy.copy(error)
    clean.evidence = replace(
        error.evidence, message=pattern.sub("…", error.evidence.message), original=""
    )
    clean.args = (clean.evidence.message,)
    return clean
