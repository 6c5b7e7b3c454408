"""Takes a vendor's file apart into JSON documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json, to_json


@dataclass(frozen=True, slots=True)
class Document:
    """One event as it would be a message's body."""

    where: str
    body: bytes


def read_documents(path: Path) -> Iterator[Document]:
    """Yield the documents of a file: a JSON array, one JSON object, or one document a line.

    A line that is no JSON is a document too, to be refused. Raises OSError.
    """
    content = path.read_bytes()
    try:
        whole = from_json(content, allow_inf_nan=False)
    except ValueError:
        whole = None
    if isinstance(whole, list):
        for index, each in enumerate(whole):
            yield Document(f"{path.name}[{index}]", to_json(each))
    elif isinstance(whole, dict):
        yield Document(path.name, content)
    else:
        for number, line in enumerate(content.splitlines(), start=1):
            if line.strip():
                yield Document(f"{path.name}:{number}", line)
