"""Atom entries and feeds as the SDKs expect them.

Python takes an entity's name from the title, and a second link of a feed, if there are exactly
two, for the next page; Node takes the name from the id, and the next page from rel="next".
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element

from infra.local.servicebus.server.administration.xml import (
    ATOM,
    INSTANCE,
    SERVICE_BUS,
    Content,
    element,
)


class Entry(NamedTuple):
    """What is known of one resource. `path`: 't/Subscriptions/s'; times in ms since the epoch;
    `root` names the description, `rows` are its elements."""

    path: str
    title: str
    published: int
    updated: int
    root: str
    rows: list[Element]


def instant(milliseconds: int) -> str:
    """Return xs:dateTime in UTC."""
    at = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry_document(entry: Entry, origin: str, query: str) -> Element:
    """Return the entry as a document of its own; `origin` is 'https://host', `query` the
    request's."""
    made = _entry(entry, origin, query)
    made.set("xmlns", ATOM)
    return made


def _entry(entry: Entry, origin: str, query: str) -> Element:
    address = f"{origin}/{quote(entry.path, safe='/$')}?{query}"
    described = element(entry.root, entry.rows, {"xmlns": SERVICE_BUS, "xmlns:i": INSTANCE})
    return element(
        "entry",
        [
            element("id", address),
            _title(entry.title),
            element("published", instant(entry.published)),
            element("updated", instant(entry.updated)),
            _link("self", address),
            element("content", [described], {"type": "application/xml"}),
        ],
    )


def feed_document(
    title: str, entries: list[Entry], now: int, origin: str, query: str, links: list[str]
) -> Element:
    """`links`: this page's address and, when there is another page, the next one's."""
    head: list[Element] = [
        _title(title),
        element("id", links[0]),
        element("updated", instant(now)),
        *(_link(name, link) for name, link in zip(("self", "next"), links, strict=False)),
    ]
    content: Content = [*head, *(_entry(entry, origin, query) for entry in entries)]
    return element("feed", content, {"xmlns": ATOM})


def _title(text: str) -> Element:
    return element("title", text, {"type": "text"})


def _link(relation: str, address: str) -> Element:
    return element("link", "", {"rel": relation, "href": address})
