"""Our natural keys as Business Central can hold them. No I/O.

A `Code` is stored in upper case and compared so; `externalDocumentNumber` has 35 characters,
`documentNumber` 20, a journal's code 10. A key that fits stays readable; a longer one is shortened
to its beginning and a hash, so that two keys never become one.
"""

from __future__ import annotations

import base64
import hashlib

POS = 100
EXTERNAL_DOCUMENT = 35
DOCUMENT = 20
JOURNAL = 10

_SIGNS = {POS: 32, EXTERNAL_DOCUMENT: 20, DOCUMENT: 17, JOURNAL: 9}
"""Characters of the hash, five bits each."""


def short_key(key: str, length: int) -> str:
    """Return the key in upper case, shortened by a hash where it is longer than `length`.

    Keys that differ only in case are one key, as they are to Business Central; a key that it would
    alter (blanks at its ends) is hashed too."""
    upper = key.upper()
    if len(upper) <= length and upper == upper.strip() and "~" not in upper:
        return upper
    signs = _SIGNS[length]
    digest = base64.b32encode(hashlib.sha256(upper.encode()).digest()).decode()[:signs]
    head = upper[: length - signs - 1].strip().replace("~", "-")
    return f"{head}~{digest}"
