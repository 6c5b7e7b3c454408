"""A multipart body as a sans-I/O machine: bytes in, whole parts out.

Source: RFC 2046 section 5.1. On purpose more tolerant in one thing: lines may end in LF alone, as
Microsoft's own documentation samples do. A body without its closing delimiter is an error: what
follows the last delimiter may be cut off.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s;]+))', re.I)
_LONGEST_BOUNDARY = 250
"""Characters. RFC 2046 allows 70; senders with two GUIDs in the name go beyond."""


class MalformedMultipart(ValueError):
    """The body is no multipart body with this boundary; the text says where it goes wrong."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a `multipart/mixed; boundary=…` content type."""
    if content_type.split(";", 1)[0].strip().lower() != "multipart/mixed":
        raise MalformedMultipart(f"the content type '{content_type}' is not multipart/mixed")
    match = _BOUNDARY.search(content_type)
    boundary = (match["quoted"] or match["plain"]) if match else ""
    if not boundary or len(boundary) > _LONGEST_BOUNDARY or not boundary.isascii():
        raise MalformedMultipart("the content type names no usable boundary")
    return boundary.encode()


class MultipartParser:
    """Feed it bytes in pieces of any size; each call returns the parts completed by that piece."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"--" + boundary
        self._buffer = bytearray()
        self._part_start: int | None = None
        """Where the current part begins in the buffer; None in the preamble."""
        self._searched = 0
        """No delimiter line begins before this place; keeps small pieces from costing n squared."""
        self._closed = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the parts, headers included, that are complete now."""
        if self._closed:
            return []
        self._buffer += data
        return self._take(at_end=False)

    def close(self) -> list[bytes]:
        """Return what only the end of input completes; raise MalformedMultipart when cut off."""
        parts = [] if self._closed else self._take(at_end=True)
        if not self._closed:
            raise MalformedMultipart(
                f"the closing boundary '{self._delimiter.decode()}--' is missing"
            )
        return parts

    def unfinished(self) -> list[bytes]:
        """Return the part begun but never ended by a delimiter; empty in the preamble."""
        if self._part_start is None or self._closed:
            return []
        return [bytes(self._buffer[self._part_start :])]

    def _take(self, *, at_end: bool) -> list[bytes]:
        parts: list[bytes] = []
        while not self._closed and (found := self._next_delimiter(at_end=at_end)):
            begin, end, self._closed = found
            if self._part_start is not None:
                parts.append(_without_line_end(bytes(self._buffer[self._part_start : begin])))
            self._part_start = self._searched = end
        self._forget()
        return parts

    def _next_delimiter(self, *, at_end: bool) -> tuple[int, int, bool] | None:
        """Return where the next delimiter line begins and ends, and whether it closes."""
        buffer, delimiter = self._buffer, self._delimiter
        while (begin := buffer.find(delimiter, self._searched)) >= 0:
            rest = begin + len(delimiter)
            end = buffer.find(b"\n", rest)
            line_complete = end >= 0 or at_end
            end = len(buffer) if end < 0 else end + 1
            tail = bytes(buffer[rest:end]).strip(b" \t\r\n")
            if not line_complete and tail in (b"", b"-", b"--"):
                self._searched = begin
                return None
            if tail in (b"", b"--") and (begin == 0 or buffer[begin - 1] == 0x0A):
                return begin, end, tail == b"--"
            self._searched = rest
        self._searched = max(self._searched, len(buffer) - len(delimiter) + 1)
        return None

    def _forget(self) -> None:
        """Drop what is in a returned part; what remains still begins at the start of a line."""
        if self._part_start:
            del self._buffer[: self._part_start]
            self._searched -= self._part_start
            self._part_start = 0


def _without_line_end(part: bytes) -> bytes:
    """The line end before a delimiter belongs to the delimiter."""
    if part.endswith(b"\r\n"):
        return part[:-2]
    return part[:-1] if part.endswith(b"\n") else part


def split_nested(boundary: bytes, body: bytes) -> list[bytes]:
    """Return the parts of a multipart that is itself a part. Its end is known from outside, so a
    missing closing delimiter cuts nothing off: the service takes such requests (a captured one in
    the payload samples ends so)."""
    parser = MultipartParser(boundary)
    parts = parser.feed(body)
    try:
        return parts + parser.close()
    except MalformedMultipart:
        return parts + parser.unfinished()


def split_head(part: bytes) -> tuple[bytes, bytes]:
    """Return header block and content of one part, parted by its first empty line."""
    if part.startswith((b"\r\n", b"\n")):
        return b"", part[part.index(b"\n") + 1 :]
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := part.find(mark)) >= 0]
    if not ends:
        return part, b""
    at, length = min(ends)
    return part[:at], part[at + length :]


@lru_cache(maxsize=4096)
def parse_headers(block: bytes) -> dict[str, str]:
    """Return the headers of a block by lower-case name. Callers must not change the result: the
    parts of one batch repeat a handful of blocks, so they are read once."""
    headers: dict[str, str] = {}
    for line in block.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise MalformedMultipart(f"'{line[:80]}' is not a header line")
        headers[name.lower()] = value.strip()
    return headers
