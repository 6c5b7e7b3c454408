"""Our natural keys as fields of Finance & Operations can hold them. No I/O.

Lengths are those of the extended data types behind the fields [unverified: a set's `$metadata` does
not tell them]. A key that fits stays readable; a longer one is shortened to its beginning and a
hash, so that two keys never become one.
"""

from __future__ import annotations

import base64
import hashlib

REFERENCE = 60
"""A customer's reference, a journal's description."""

TRANSACTION = 44
"""A transaction id."""

PAYMENT_REFERENCE = 20
"""A payment's reference, a document number, a requisition."""

_SIGNS = 16
"""Characters of the hash, five bits each."""


def short_key(key: str, length: int) -> str:
    """Return the key, shortened by a hash where it is longer than `length`.

    A key with `*` is hashed too: in a filter Dynamics takes the sign for anything at all.
    """
    if len(key) <= length and "*" not in key and "~" not in key and key == key.strip():
        return key
    digest = hashlib.sha256(key.casefold().encode()).digest()
    signs = base64.b32encode(digest).decode()[:_SIGNS]
    if length <= _SIGNS + 1:
        return signs[:length]
    head = key[: length - _SIGNS - 1].replace("*", "-").replace("~", "-").strip()
    return f"{head}~{signs}"
