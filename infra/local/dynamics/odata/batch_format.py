"""The multipart text of `$batch`: requests read, answers written. No operation is executed here.

Source: OData 4.0 Protocol, section 11.7; dynamics.md 1.1; the captured exchange in payloads/fo.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from .messages import Answer, Operation
from .multipart import (
    MalformedMultipart,
    boundary_of,
    parse_headers,
    split_head,
    split_nested,
)

_PART_HEAD = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
_WRITES = ("POST", "PATCH", "DELETE", "PUT")


@dataclass(frozen=True, slots=True)
class BatchOperation:
    content_id: str
    """Empty where none was given, which only a part outside a changeset may do."""
    operation: Operation


@dataclass(frozen=True, slots=True)
class BatchPart:
    operations: tuple[BatchOperation, ...]
    """At least one; exactly one outside a changeset."""
    is_changeset: bool


def read_part(part: bytes, root: str) -> BatchPart:
    """Read one part of the outer multipart; `root` is the path of the service root with its slash.

    Raises MalformedMultipart."""
    head, content = split_head(part)
    headers = parse_headers(head)
    content_type = headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/mixed"):
        return BatchPart((_read_operation(headers, content, root),), is_changeset=False)
    operations = []
    for nested in split_nested(boundary_of(content_type), content):
        nested_head, nested_content = split_head(nested)
        operations.append(_read_operation(parse_headers(nested_head), nested_content, root))
    _check_changeset(operations)
    return BatchPart(tuple(operations), is_changeset=True)


def _check_changeset(operations: Sequence[BatchOperation]) -> None:
    if not operations:
        raise MalformedMultipart("a changeset holds no operation")
    ids = {operation.content_id for operation in operations}
    if "" in ids or len(ids) < len(operations):
        raise MalformedMultipart("each operation of a changeset needs a Content-ID of its own")
    for each in operations:
        if each.operation.method not in _WRITES:
            raise MalformedMultipart(f"a changeset must not hold a {each.operation.method}")


def _read_operation(headers: dict[str, str], content: bytes, root: str) -> BatchOperation:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/http":
        raise MalformedMultipart("a part is neither application/http nor multipart/mixed")
    head, body = split_head(content.lstrip(b"\r\n"))
    request_line, _, header_block = head.partition(b"\n")
    method, path, options = _read_request_line(request_line.strip(), root)
    inner = parse_headers(header_block)
    content_id = headers.get("content-id", "") or inner.get("content-id", "")
    return BatchOperation(content_id, Operation(method, path, dict(options), inner, body))


@lru_cache(maxsize=4096)
def _read_request_line(line: bytes, root: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    try:
        method, url, _version = line.decode("ascii").split()
        parts = urlsplit(url)
    except ValueError as error:
        shown = line[:80].decode("latin-1")
        raise MalformedMultipart(f"'{shown}' is not a request line") from error
    path = unquote(parts.path)
    below_root = path.partition(root)[2] if root in path else path.lstrip("/")
    return method.upper(), below_root, tuple(parse_qsl(parts.query, keep_blank_values=True))


class AnswerWriter:
    """Collects the answer parts of one batch."""

    def __init__(self) -> None:
        self._boundary = f"batchresponse_{uuid.uuid4()}"
        self._pieces: list[bytes] = []

    @property
    def content_type(self) -> str:
        return f"multipart/mixed; boundary={self._boundary}"

    def single(self, answer: Answer, content_id: str) -> None:
        self._pieces.append(f"--{self._boundary}\r\n".encode())
        self._pieces += _http_part(answer, content_id)

    def changeset(self, answers: Sequence[tuple[str, Answer]]) -> None:
        """Answers by Content-ID, in order; a refused changeset has one."""
        boundary = f"changesetresponse_{uuid.uuid4()}"
        head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n"
        self._pieces.append(f"--{self._boundary}\r\n{head}".encode())
        opening = f"--{boundary}\r\n".encode()
        for content_id, answer in answers:
            self._pieces.append(opening)
            self._pieces += _http_part(answer, content_id)
        self._pieces.append(f"--{boundary}--\r\n".encode())

    def body(self) -> bytes:
        return b"".join([*self._pieces, f"--{self._boundary}--\r\n".encode()])


def _http_part(answer: Answer, content_id: str) -> tuple[bytes, bytes, bytes]:
    identified = f"Content-ID: {content_id}\r\n" if content_id else ""
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    head = f"{_PART_HEAD}{identified}\r\nHTTP/1.1 {status}\r\n{headers}OData-Version: 4.0\r\n\r\n"
    return head.encode(), answer.body, b"\r\n"
