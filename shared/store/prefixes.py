"""Which texts begin with a prefix, as a range: that uses the index and has no wildcards."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, true

_LAST = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)  # no characters: never stored, not to be asked for


def starting_with(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Return the condition; the column is compared by code points (`key_text`)."""
    if not prefix:
        return true()
    end = after_all_with(prefix)
    return column >= prefix if end is None else and_(column >= prefix, column < end)


def after_all_with(prefix: str) -> str | None:
    """Return the first text after all that begin with `prefix`; None when nothing follows them."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    if following in _SURROGATES:
        following = _SURROGATES.stop
    return stem[:-1] + chr(following)
