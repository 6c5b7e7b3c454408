"""Reading and writing the XML of the administration API.

Documents are read by namespace, whatever prefixes a client chose. They are written with the very
prefixes and default namespaces Azure uses, because the SDK for Node reads tags and attributes by
their prefixed names; a tag here is therefore the text that stands in the document.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser, tostring

from infra.local.servicebus.broker import InvalidArgument

ATOM = "http://www.w3.org/2005/Atom"
SERVICE_BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = "http://www.w3.org/2001/XMLSchema"

CONTENT_TYPE = "application/atom+xml;type={};charset=utf-8"

Content = str | list[Element]
"""What stands in an element: text or children."""

# XML 1.0, 2.2: no document can hold these. Texts given over AMQP can.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Builder(TreeBuilder):
    def doctype(self, _name: str, _public: str | None, _system: str | None) -> NoReturn:
        """Called before any declaration is read, so no entity is ever expanded."""
        raise InvalidArgument("The request's XML has a document type, which is not taken.")


def parse(body: bytes) -> Element:
    """Return the root. Raises InvalidArgument for what is no XML or has a document type."""
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise InvalidArgument(f"The request's body is not XML: {error}.") from error
    return root


def description(body: bytes) -> Element:
    """Return what an Atom entry describes: `QueueDescription` and so on. Raises InvalidArgument."""
    root = parse(body)
    content = root.find(f"{{{ATOM}}}content")
    if root.tag != f"{{{ATOM}}}entry" or content is None or len(content) != 1:
        raise InvalidArgument("The request's body is no Atom entry with one description in it.")
    return content[0]


def local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def find(parent: Element, name: str) -> Element | None:
    """Return a child of the Service Bus namespace; None also for one that is marked as nil."""
    found = parent.find(f"{{{SERVICE_BUS}}}{name}")
    if found is None or found.get(f"{{{INSTANCE}}}nil") == "true":
        return None
    return found


def find_all(parent: Element, name: str) -> list[Element]:
    return parent.findall(f"{{{SERVICE_BUS}}}{name}")


def text_of(element: Element) -> str:
    return element.text or ""


def type_of(element: Element) -> str:
    """Return the xsi:type without its prefix, '' for none."""
    return element.get(f"{{{INSTANCE}}}type", "").rpartition(":")[2]


def element(tag: str, content: Content = "", attributes: dict[str, str] | None = None) -> Element:
    made = Element(tag, attributes or {})
    if isinstance(content, str):
        made.text = _UNWRITABLE.sub("\ufffd", content)
    else:
        made.extend(content)
    return made


def document(root: Element) -> bytes:
    # Azure writes no white space between elements; the SDK for Node would take it for text.
    written: Any = tostring(root, encoding="utf-8", xml_declaration=True)
    return bytes(written)
