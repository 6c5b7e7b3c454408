"""Publishing through an outbox on disk, as a till does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

from infra.local.cli.output import Refused, progress
from infra.local.cli.till import till_publisher
from infra.local.platform import Addresses
from infra.local.till.outbox import Outbox, OutboxDamaged, OutboxFull, Status, Uploader
from infra.local.till.publish import Published
from shared.events import Fact

_TOGETHER = 500
"""Facts put in one transaction of the disk."""

_LONGEST_PAUSE = timedelta(seconds=5)
"""A person waits for this till."""


async def upload_through(
    path: Path, addresses: Addresses, facts: Iterable[Fact], what: str
) -> Published:
    """Put all facts into the outbox at `path` and upload what it holds; return what was sent now.

    The key lies beside the file, readable by its owner alone: a till keeps it where it keeps
    secrets. Raises Refused.
    """
    published = Published()
    try:
        with Outbox.open(path, _key(path.with_suffix(".key"))) as outbox:
            for some in _some(facts):
                outbox.put(*some)
            async with till_publisher(addresses) as publisher:
                with progress(what) as advance:
                    left = outbox.status().waiting

                    def told(status: Status) -> None:
                        nonlocal left
                        advance(left - status.waiting)
                        left = status.waiting

                    uploader = Uploader(
                        outbox, publisher, progress=told, longest_pause=_LONGEST_PAUSE
                    )
                    uploaded = await uploader.upload()
            refused = outbox.refused()
    except (OutboxDamaged, OutboxFull) as error:
        raise Refused(str(error)) from error
    if refused:
        first, why = refused[0]
        raise Refused(f"the bus will never take {first.event.subject}: {why}")
    published.facts = uploaded.facts
    published.repeated_sends = uploaded.failed_attempts
    return published


def _key(path: Path) -> bytes:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(Outbox.new_key())
    return path.read_bytes()


def _some(facts: Iterable[Fact]) -> Iterator[list[Fact]]:
    remaining = iter(facts)
    while some := list(islice(remaining, _TOGETHER)):
        yield some
