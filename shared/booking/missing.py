"""What a fact waits for when Dynamics says that something is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.dynamics import DynamicsError


def missing_key(error: DynamicsError, candidates: Mapping[str, str], otherwise: str) -> str:
    """Return the key of the first candidate that the error's own words name, else `otherwise`.

    `candidates`: key such as `item/gbrt/10010` -> the text Dynamics would call it by, for example
    `10010`; likeliest first. No product says in a field of its own what is missing, only in a
    sentence, so the sentence is searched for the text as a whole word.
    """
    said = error.describe()
    for key, text in candidates.items():
        if text and re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", said):
            return key
    return otherwise
