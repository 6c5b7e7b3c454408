"""Sections of a certificate's page, and how its values are written there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_TO = "\u2060–\u2060"  # a dash at which no line may end


def table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers_from: int | None = None,
    note: str = "",
    empty: str = "",
    kind: str = "plain",
) -> str:
    """Return a section; nothing when there are no rows and no sentence for that."""
    if not rows:
        return (
            f"<section><h2>{escape(title)}</h2><p>{escape(empty)}</p></section>\n" if empty else ""
        )

    def cells(tag: str, texts: Iterable[str]) -> str:
        return "".join(
            f"<{tag}{_number_class(column, numbers_from)}>{escape(text)}</{tag}>"
            for column, text in enumerate(texts)
        )

    head = f"<thead><tr>{cells('th', heads)}</tr></thead>" if any(heads) else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    noted = f"<p class=note>{escape(note)}</p>" if note else ""
    return (
        f"<section><h2>{escape(title)}</h2><table class={kind}>{head}<tbody>{body}</tbody></table>"
        f"{noted}</section>\n"
    )


def _number_class(column: int, numbers_from: int | None) -> str:
    return " class=number" if numbers_from is not None and column >= numbers_from else ""


def place(each: Mapping[str, Any]) -> str:
    return f"{each['terminal']}/{each['sequence']}"


def effect(name: str, document: str) -> str:
    return f"{name} ({document})" if document else name


def named(digest: str) -> str:
    return digest if digest.strip("0") else "none"


def ranges(of: Iterable[Mapping[str, int]]) -> str:
    return ", ".join(
        str(each["first"])
        if each["first"] == each["last"]
        else f"{each['first']}{_TO}{each['last']}"
        for each in of
    )


def moment(text: str) -> str:
    """Return an ISO 8601 moment in UTC as people read it."""
    return f"{text[:10]} {text[11:19]} UTC"
