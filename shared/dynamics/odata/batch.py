"""OData `$batch` in multipart/mixed: requests into bytes, bytes into answers. No I/O.

Source: OData 4.0 Protocol 11.7 "Batch Requests"; Microsoft "Batch requests" for Finance &
Operations. A batch is a list of items; an item is one changeset (all its operations or none) or one
single operation. Answers arrive in the order of the items, one top-level part per item:

* a single operation: an `application/http` part
* a changeset that succeeded: a nested multipart with one response per operation
* a changeset that failed: one response, bare or inside a nested multipart (Dynamics does the
  latter, and keeps the Content-ID of the first operation whichever failed)

The parser takes CRLF and bare LF, with or without preamble and epilogue. What arrived incomplete is
left out: the caller sees an item *without answer*, which is neither success nor failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message

from shared.dynamics.odata.messages import Operation, Response

MAX_PARTS = 20_000
"""Parts in one answer, changesets included: four times the operations Dynamics takes in a batch."""

_BATCH = "batch_tillbus"
_CHANGESET = "changeset_tillbus"
_HEADER = re.compile(r"([^:\r\n]+):[ \t]*([^\r\n]*)")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b")


class MalformedBatch(ValueError):
    """The answer is not multipart/mixed as OData prescribes it."""


@dataclass(frozen=True, slots=True)
class Changeset:
    """Operations that Dynamics carries out together or not at all."""

    operations: tuple[Operation, ...]


Item = Changeset | Operation


Answer = tuple[Response, ...]
"""The responses to one item: one for an operation or a failed changeset, else one per operation."""


def operation_count(item: Item) -> int:
    return len(item.operations) if isinstance(item, Changeset) else 1


def batch_headers() -> dict[str, str]:
    """Return the headers of the outer request; without the preference Dynamics stops at the first
    item that fails."""
    return {
        "Content-Type": f"multipart/mixed; boundary={_BATCH}",
        "Accept": "multipart/mixed",
        "OData-Version": "4.0",
        "OData-MaxVersion": "4.0",
        "Prefer": "odata.continue-on-error",
    }


def build_batch(items: Sequence[Item], root: str) -> bytes:
    """Return the body of `POST {root}/$batch`; Content-IDs count from 1 across the batch.

    The boundaries are constant: bodies are single lines of JSON, which cannot contain them.
    """
    chunks: list[bytes] = []
    content_id = 0
    for number, item in enumerate(items, start=1):
        chunks.append(f"--{_BATCH}\r\n".encode())
        if isinstance(item, Operation):
            chunks.append(_operation_part(item, root, None))
            continue
        boundary = f"{_CHANGESET}_{number}"
        chunks.append(f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode())
        for operation in item.operations:
            content_id += 1
            chunks.append(f"--{boundary}\r\n".encode())
            chunks.append(_operation_part(operation, root, content_id))
        chunks.append(f"--{boundary}--\r\n".encode())
    chunks.append(f"--{_BATCH}--\r\n".encode())
    return b"".join(chunks)


def _operation_part(operation: Operation, root: str, content_id: int | None) -> bytes:
    # Absolute request URLs: Dynamics' own samples use nothing else.
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    if content_id is not None:
        head += f"Content-ID: {content_id}\r\n"
    head += f"\r\n{operation.method} {root}/{operation.path} HTTP/1.1\r\n"
    head += "Accept: application/json;odata.metadata=minimal\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in operation.headers)
    if operation.body:
        # The answer's body is not read; servers that know the preference save both sides the bytes.
        head += (
            "Content-Type: application/json;odata.metadata=minimal\r\nPrefer: return=minimal\r\n"
        )
    return head.encode() + b"\r\n" + operation.body + b"\r\n"


def parse_batch(content_type: str, body: bytes, *, max_parts: int = MAX_PARTS) -> list[Answer]:
    """Return the complete answers in order; raises MalformedBatch when this is no batch answer.

    An answer cut off by the end of the body is left out, and so is everything after it.
    """
    answers: list[Answer] = []
    budget = max_parts
    for headers, content in _parts(body, _boundary(content_type), budget):
        part_type = headers.get("content-type", "")
        if part_type.lower().startswith("multipart/mixed"):
            boundary = _boundary(part_type)
            answer = tuple(_response(*part) for part in _parts(content, boundary, budget))
        else:
            answer = (_response(headers, content),)
        budget -= len(answer)
        answers.append(answer)
    return answers


def line_up(items: Sequence[Item], answers: Sequence[Answer]) -> list[Answer | None]:
    """Return one answer per item, None where there is none that is certain.

    By position, checked by Content-ID where answers carry one: from the first answer that claims to
    belong to another item on, nothing is certain.
    """
    lined_up: list[Answer | None] = [None] * len(items)
    first_id = 1
    for index, (item, answer) in enumerate(zip(items, answers, strict=False)):
        count = operation_count(item) if isinstance(item, Changeset) else 0
        own = range(first_id, first_id + count)
        if not all(_belongs(response, own) for response in answer):
            break
        first_id += count
        lined_up[index] = answer
    return lined_up


def _belongs(response: Response, own: range) -> bool:
    return not (own and response.content_id.isdecimal()) or int(response.content_id) in own


def _boundary(content_type: str) -> str:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/mixed" or not isinstance(boundary, str):
        raise MalformedBatch(f"expected multipart/mixed with a boundary, got {content_type!r}")
    return boundary


def _parts(body: bytes, boundary: str, budget: int) -> list[tuple[dict[str, str], bytes]]:
    """Return (headers, content) of every part that is followed by a delimiter."""
    parts: list[tuple[dict[str, str], bytes]] = []
    start: int | None = None
    for before, after, closing in _delimiters(body, b"--" + boundary.encode()):
        if start is not None:
            if len(parts) >= budget:
                raise MalformedBatch("the answer has more parts than were asked for")
            head, content = _split(body[start:before])
            parts.append((_headers(head), content))
        if closing:
            return parts
        start = after
    if start is None:
        raise MalformedBatch(f"the boundary {boundary!r} does not occur")
    return parts


def _delimiters(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield (end of the content before, end of the line, whether it closes) for each delimiter.

    The line break before a delimiter belongs to it (RFC 2046, 5.1.1), the one after is left to the
    part, so that a part without headers begins with the blank line that says so.
    """
    found = body.find(mark)
    while found >= 0:
        end = found + len(mark)
        closing = body.startswith(b"--", end)
        end += 2 if closing else 0
        line_end = body.find(b"\n", end)
        padding = body[end:] if line_end < 0 else body[end:line_end]
        before = found
        if before and body[before - 1 : before] == b"\n":
            before -= 2 if body[before - 2 : before] == b"\r\n" else 1
        if (before < found or not found) and not padding.strip(b" \t\r"):
            yield before, end, closing
        found = body.find(mark, end)


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return what is before and after the first blank line."""
    ends = [(data.find(blank), len(blank)) for blank in (b"\r\n\r\n", b"\n\n")]
    at, length = min((end for end in ends if end[0] >= 0), default=(len(data), 0))
    return data[:at], data[at + length :]


def _headers(head: bytes) -> dict[str, str]:
    return {name.strip().lower(): value for name, value in _HEADER.findall(head.decode("latin-1"))}


def _response(headers: Mapping[str, str], content: bytes) -> Response:
    head, body = _split(content)
    status = _STATUS_LINE.match(head)
    if status is None:
        raise MalformedBatch("a part holds no HTTP status line")
    inner = _headers(head[status.end() :])
    content_id = headers.get("content-id") or inner.get("content-id", "")
    return Response(int(status[1]), inner, body, content_id)
