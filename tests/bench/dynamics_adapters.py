"""What each adapter costs on top of bare httpx: `python -m tests.bench.dynamics_adapters [NAME]`.

Ours books the documents of the product's drill one call after another in a simulator in another
process. Bare httpx then sends the very same requests, recorded before, to the same simulator after
a reset, and reads the answers' bytes; ids the server chose anew are exchanged. Prints one line per
drill: `ratio` of the time a call takes, and `cpu_ratio` of the client's own processor time, which a
busy machine does not blur. `unlike`: answers of another status than
recorded, which would make the comparison unfair.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch

import httpx

from infra.local.dynamics import Clock, DynamicsSimulator
from infra.local.dynamics.identity.registration import Registration
from shared.dynamics import Booked
from tests.bench.dynamics_drill import drills
from tests.dynamics_drill import Drill, Target

_WARM_UP = 10_000_000
"""A number no measured document has."""


@dataclass(frozen=True)
class Elsewhere:
    """Looks like a DynamicsSimulator to a drill, but runs in another process."""

    api_url: str
    identity_url: str
    ca_file: str
    registration: Registration = field(default_factory=Registration)
    clock: Clock = field(default_factory=Clock)


@dataclass
class Spent:
    """Seconds by the clock and of this process's processor time."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


@dataclass(frozen=True)
class Recorded:
    request: httpx.Request
    status: int
    names: dict[str, str]
    """What the server chose: see _chosen."""


@asynccontextmanager
async def _simulator() -> AsyncIterator[Elsewhere]:
    arguments = ("-m", "infra.local.dynamics", "--port", "0", "--identity-port", "0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, "--in-memory", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        words = (await process.stdout.readline()).decode().split()[2:]
        ready = dict(word.split("=", 1) for word in words)
        yield Elsewhere(ready["api"], ready["identity"], ready["ca"])
    finally:
        process.terminate()
        await process.wait()


async def _ours(target: Target, drill: Drill, calls: int) -> Spent:
    """Return what all calls take but a first one, which signs in."""
    await target.write([_WARM_UP])
    return await _calls(target, drill, calls)


async def _calls(target: Target, drill: Drill, calls: int) -> Spent:
    spent = Spent()
    for call in range(calls):
        numbers = range(call * drill.batch, (call + 1) * drill.batch)
        with spent.measured():
            postings = await target.write(numbers)
        assert all(isinstance(each, Booked) for each in postings), postings
    return spent


async def _record(target: Target, drill: Drill, calls: int) -> list[Recorded]:
    """Return the requests of all calls but the first, which signs in."""
    await target.write([_WARM_UP])
    recorded: list[Recorded] = []
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def recording(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> Any:
        response = await send(transport, request)
        content = await response.aread()
        recorded.append(Recorded(request, response.status_code, _chosen(content)))
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    with patch.object(httpx.AsyncHTTPTransport, "handle_async_request", recording):
        await _calls(target, drill, calls)
    return recorded


async def _bare(root: str, recorded: Sequence[Recorded]) -> tuple[Spent, int]:
    """Return what all requests take, and how many were answered by another status."""
    spent, unlike = Spent(), 0
    renamed: dict[str, str] = {}
    async with httpx.AsyncClient(timeout=60) as http:
        await http.get(f"{root}/_simulator/health")  # connects outside the measurement
        for each in recorded:
            url, content = str(each.request.url), each.request.content
            headers = dict(each.request.headers)
            for old, new in renamed.items():
                url = url.replace(old, new)
                headers = {k: v.replace(old, new) for k, v in headers.items()}
                content = content.replace(old.encode(), new.encode())
            headers.pop("content-length", None)
            with spent.measured():
                response = await http.request(
                    each.request.method, url, headers=headers, content=content or None
                )
            unlike += response.status_code != each.status
            chosen = _chosen(response.content)
            renamed = {
                old: chosen[name]
                for name, old in each.names.items()
                if chosen.get(name, old) != old
            } or renamed
    return spent, unlike


def _chosen(content: bytes) -> dict[str, str]:
    """What later requests may refer to: the id and the version of one entity answered."""
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    rows = document.get("value", document) if isinstance(document, dict) else None
    row = rows[0] if isinstance(rows, list) and rows else rows
    if not isinstance(row, dict):
        return {}
    return {name: row[name] for name in ("id", "@odata.etag") if isinstance(row.get(name), str)}


async def _measure(drill: Drill, calls: int, rounds: int) -> str:
    ours: list[Spent] = []
    bare: list[Spent] = []
    unlike = 0
    async with _simulator() as elsewhere, httpx.AsyncClient(timeout=60) as admin:
        simulator = cast(DynamicsSimulator, elsewhere)

        async def reset() -> None:
            (await admin.post(f"{elsewhere.api_url}/_simulator/reset")).raise_for_status()

        async with drill.open(simulator) as target:
            recorded = await _record(target, drill, calls)
        for _ in range(rounds):
            await reset()
            async with drill.open(simulator) as target:
                ours.append(await _ours(target, drill, calls))
            await reset()
            spent, unlike = await _bare(elsewhere.api_url, recorded)
            bare.append(spent)
    each = 1000 / calls
    wall = min(one.wall for one in bare), min(one.wall for one in ours)
    cpu = min(one.cpu for one in bare), min(one.cpu for one in ours)
    return (
        f"dynamics-adapters name={drill.name.replace(' ', '-')} calls={calls} "
        f"documents_per_call={drill.batch} requests={len(recorded)} unlike={unlike} "
        f"bare_ms={wall[0] * each:.2f} ours_ms={wall[1] * each:.2f} ratio={wall[1] / wall[0]:.2f} "
        f"bare_cpu_ms={cpu[0] * each:.2f} ours_cpu_ms={cpu[1] * each:.2f} "
        f"cpu_ratio={cpu[1] / cpu[0]:.2f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="drills whose names contain this; default: all")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args(argv)
    for drill in drills():
        if not arguments.name or any(name in drill.name for name in arguments.name):
            print(asyncio.run(_measure(drill, arguments.calls, arguments.rounds)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
