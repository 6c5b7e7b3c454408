"""Schema upgrades: a product whose fields have other names from now on, seen from outside.

The layer stands between the faults and a product. Of an upgraded entity set it edits `$metadata`,
gives renamed fields their old names on the way in and the new ones on the way out, and lets the
product refuse, in its own words, what is no longer there. Single requests and batches of both
formats are read; what the product keeps, and shows on its inspection pages, stays as it was.
A field that appears has no value: null in every row, ignored in every body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .faults import Fault

_GONE = "__upgraded"
"""Ends the name under which the product meets a field that is no more; it is not to know it."""

_SEGMENT = re.compile(r"(?:^|/)([A-Za-z_]\w*)(?=$|[/(?])")
_CONTEXT = re.compile(r"\$metadata#(.*?)(?:/\$entity|\(\w[\w,]*\))?$")
_REQUEST_LINE = re.compile(rb"^(?:GET|POST|PATCH|PUT|DELETE) (\S+) HTTP/1\.1\s*$")
_QUOTED = re.compile(r"('(?:[^']|'')*')")
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Renaming:
    """All upgrades of one entity set."""

    fields: Mapping[str, str | None]
    """Old name -> new name, None: gone."""
    added: Sequence[str]

    @cached_property
    def inward(self) -> Mapping[str, str]:
        gone = {old: old + _GONE for old in self.fields}
        return gone | {new: old for old, new in self.fields.items() if new is not None}

    def row_in(self, row: dict[str, object]) -> dict[str, object]:
        renamed = {self.inward.get(name, name): value for name, value in row.items()}
        return {name: value for name, value in renamed.items() if name not in self.added}

    def row_out(self, row: dict[str, object]) -> dict[str, object]:
        named = {self.fields.get(name, name): value for name, value in row.items()}
        shown = {name: value for name, value in named.items() if name is not None}
        return shown | dict.fromkeys(self.added)

    def text_in(self, text: str) -> str:
        """A query option's names, outside of its quoted texts."""
        pieces = _QUOTED.split(text)
        pieces[::2] = [
            _NAME.sub(lambda name: self.inward.get(name[0], name[0]), piece)
            for piece in pieces[::2]
        ]
        return "".join(pieces)


Renamings = Mapping[str, Renaming]
"""By entity set."""


def renamings(upgrades: Sequence[Fault]) -> Renamings:
    sets = {each.entity_set for each in upgrades}
    return {
        name: Renaming(
            {
                each.field: each.becomes
                for each in upgrades
                if each.entity_set == name and each.field is not None
            },
            [
                each.becomes
                for each in upgrades
                if each.entity_set == name and each.field is None and each.becomes is not None
            ],
        )
        for name in sets
    }


class Upgraded:
    """ASGI layer in front of one product's requests while schema upgrades are in force."""

    def __init__(self, app: ASGIApp, upgrades: Sequence[Fault]) -> None:
        self._app = app
        self._sets = renamings(upgrades)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        renaming = self._of(path)
        scope = dict(scope)
        if renaming is not None:
            scope["query_string"] = _query_in(renaming, scope["query_string"].decode()).encode()
        body = await _whole_body(receive)
        if path.endswith("/$batch"):
            body = self._batch_in(body)
        elif renaming is not None:
            body = _json_in(renaming, body)
        scope["headers"] = _with_length(scope["headers"], len(body))
        answer = _Answer()
        await self._app(scope, _once(body, receive), answer.take)
        if answer.start is None:
            return
        content = answer.body.replace(_GONE.encode(), b"")
        if path.endswith("/$metadata"):
            content = metadata_out(self._sets, content)
        else:
            content = self._answer_out(content)
        headers = _with_length(answer.start.get("headers", []), len(content))
        await send({**answer.start, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _of(self, url: str) -> Renaming | None:
        """The upgrades of the entity set a URL or path addresses: the last one it names."""
        names: list[str] = _SEGMENT.findall(unquote(url.partition("?")[0]))
        return next((self._sets[name] for name in reversed(names) if name in self._sets), None)

    def _batch_in(self, body: bytes) -> bytes:
        if body.lstrip().startswith(b"{"):
            return self._json_batch_in(body)
        renaming: Renaming | None = None
        lines = body.split(b"\n")
        for number, line in enumerate(lines):
            if found := _REQUEST_LINE.match(line):
                url = found[1].decode()
                renaming = self._of(url)
                if renaming is not None:
                    lines[number] = line.replace(found[1], _url_in(renaming, url).encode())
            elif renaming is not None and line.startswith(b"{"):
                lines[number] = _json_in(renaming, line)
        return b"\n".join(lines)

    def _json_batch_in(self, body: bytes) -> bytes:
        def read(document: dict[str, object]) -> dict[str, object]:
            requests = document.get("requests")
            for each in requests if isinstance(requests, list) else ():
                renaming = self._of(str(each.get("url", "")))
                if renaming is not None:
                    each["url"] = _url_in(renaming, str(each["url"]))
                    if isinstance(each.get("body"), dict):
                        each["body"] = renaming.row_in(each["body"])
            return document

        return _edited(body, read)

    def _answer_out(self, body: bytes) -> bytes:
        """Every JSON object of the answer, whole or a line of a multipart one."""
        if body.startswith(b"{"):
            return _edited(body, self._object_out)
        lines = body.split(b"\n")
        for number, line in enumerate(lines):
            if line.startswith(b"{"):
                lines[number] = _edited(line, self._object_out)
        return b"\n".join(lines)

    def _object_out(self, document: dict[str, object]) -> dict[str, object]:
        """Rename where the object says which set it is of; answers within answers likewise."""
        context = _CONTEXT.search(str(document.get("@odata.context", "")))
        renaming = self._of(context[1]) if context else None
        if renaming is not None:
            rows = document.get("value")
            if isinstance(rows, list):
                rows = [renaming.row_out(row) if isinstance(row, dict) else row for row in rows]
                return {**document, "value": rows}
            return renaming.row_out(document)
        for each in document.get("responses") or ():  # type: ignore[attr-defined]
            if isinstance(each, dict) and isinstance(each.get("body"), dict):
                each["body"] = self._object_out(each["body"])
        return document


def metadata_out(sets: Renamings, document: bytes) -> bytes:
    """Edit the properties of the entity types behind the sets; other documents pass."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return document
    types = {
        each.get("EntityType", "").rpartition(".")[2]: sets[each.get("Name", "")]
        for each in root.iterfind(".//{*}EntitySet")
        if each.get("Name", "") in sets
    }
    for entity in root.iterfind(".//{*}EntityType"):
        renaming = types.get(entity.get("Name", ""))
        if renaming is not None:
            _type_out(entity, renaming)
    space = root.tag.partition("}")[0].strip("{")
    ElementTree.register_namespace("edmx", space)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _type_out(entity: ElementTree.Element, renaming: Renaming) -> None:
    properties = entity.findall("{*}Property")
    for each in properties:
        name = each.get("Name", "")
        new = renaming.fields.get(name, name)
        if new is None:
            entity.remove(each)
        else:
            each.set("Name", new)
    for name in renaming.added:
        ElementTree.SubElement(entity, properties[0].tag, Name=name, Type="Edm.String")


def _query_in(renaming: Renaming, query: str) -> str:
    return quote(renaming.text_in(unquote(query.replace("+", "%20"))), safe="&=$,;()'-._~:@!*/")


def _url_in(renaming: Renaming, url: str) -> str:
    path, mark, query = url.partition("?")
    return path + mark + _query_in(renaming, query) if mark else url


def _json_in(renaming: Renaming, body: bytes) -> bytes:
    return _edited(body, renaming.row_in)


def _edited(body: bytes, edit: Callable[[dict[str, object]], dict[str, object]]) -> bytes:
    """The JSON object with an edit made; whatever is no JSON object as it is."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(document, dict):
        return body
    end = b"\r" if body.endswith(b"\r") else b""
    return json.dumps(edit(document)).encode() + end


class _Answer:
    """Collects a whole answer."""

    def __init__(self) -> None:
        self.start: Message | None = None
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")


async def _whole_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _once(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body at once, and then whatever comes."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


def _with_length(headers: Sequence[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    others = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*others, (b"content-length", str(length).encode())]
