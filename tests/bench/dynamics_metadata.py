"""What reading a `$metadata` document costs: `python -m tests.bench.dynamics_metadata`.

Generates a document the size of Finance & Operations' own, reads it in pieces of 64 KB in a process
of its own and compares our fields with it. Prints seconds and the memory it took at most.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator, Sequence

from shared.dynamics.finance_operations.retail_fields import RETAIL_FIELDS
from shared.dynamics.metadata import MetadataReader, compare

FIELDS = 60
_TYPES = ("Edm.String", "Edm.Decimal", "Edm.DateTimeOffset", "X.NoYes", "Edm.Int64")
_HEAD = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
    b'<edmx:DataServices><Schema Namespace="X" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
)
_TAIL = b"</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"


def document(sets: int) -> Iterator[bytes]:
    """Yield the document: ours are among its sets, the annotations are as wordy as there."""
    yield _HEAD
    names = [table.entity_set for table in RETAIL_FIELDS] + [f"Entity{n}" for n in range(sets)]
    for number, name in enumerate(names):
        fields = [f"Field{n}Of{number}" for n in range(FIELDS)]  # no name twice: the worst case
        if number < len(RETAIL_FIELDS):
            fields += sorted(RETAIL_FIELDS[number].names)
        keys = RETAIL_FIELDS[number].key if number < len(RETAIL_FIELDS) else fields[:2]
        refs = "".join(f'<PropertyRef Name="{key}"/>' for key in keys)
        yield f'<EntityType Name="{name}Type"><Key>{refs}</Key>'.encode()
        for place, field in enumerate(fields):
            kind = _TYPES[place % len(_TYPES)] if place < FIELDS else "Edm.String"
            yield (
                f'<Property Name="{field}" Type="{kind}" Nullable="false">'
                '<Annotation Term="Microsoft.Dynamics.OData.Core.V1.AXType" String="String"/>'
                '<Annotation Term="Microsoft.Dynamics.OData.Core.V1.LabelId" String="@SYS1"/>'
                "</Property>"
            ).encode()
        yield b"</EntityType>"
    yield b'<EnumType Name="NoYes"><Member Name="No"/><Member Name="Yes"/></EnumType>'
    yield b'<EntityContainer Name="Resources">'
    for name in names:
        yield f'<EntitySet Name="{name}" EntityType="X.{name}Type"/>'.encode()
    yield _TAIL


def _pieces(sets: int, size: int = 1 << 16) -> Iterator[bytes]:
    waiting = bytearray()
    for part in document(sets):
        waiting += part
        if len(waiting) >= size:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _measure(sets: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    reader, length, reading = MetadataReader(), 0, 0.0
    for piece in _pieces(sets):
        length += len(piece)
        started = time.perf_counter()
        reader.feed(piece)
        reading += time.perf_counter() - started
    found = reader.close()
    started = time.perf_counter()
    findings = compare(RETAIL_FIELDS, found)
    comparing = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    properties = sum(len(each.properties) for each in found.types.values())
    print(
        f"dynamics-metadata megabytes={length / 1e6:.1f} sets={len(found.sets)} "
        f"properties={properties} read_seconds={reading:.2f} compare_seconds={comparing:.3f} "
        f"findings={len(findings)} memory_mb={memory:.0f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=3_500)
    process = multiprocessing.get_context("spawn").Process(
        target=_measure, args=(parser.parse_args(argv).sets,)
    )
    process.start()
    process.join()
    return process.exitcode or 0


if __name__ == "__main__":
    raise SystemExit(main())
