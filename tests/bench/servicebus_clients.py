"""How fast the local bus is with real clients: `python -m tests.bench.servicebus_clients`.

Per kind of client: messages per second, one by one and many at once, alone and four at a time on
queues of their own; the share of the processor time that is the client's; the latency of one
settlement. Bare frames show what is left for the bus. Clients not installed are named.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.servicebus_client_programs import RHEA
from tests.bench.servicebus_peer import ROOT, Running, config, percentile, running

TOGETHER = (1, 4)
PROTON = ROOT / ".peers" / "proton"
MODULES = ROOT / ".peers" / "node" / "node_modules"
HOW = "is not in .peers: run tools/install_peers.sh"


@dataclass(frozen=True)
class Kind:
    """A kind of client; `missing` says why it cannot run here, '' when it can. `finds` are the
    environment variables by which it finds what it needs."""

    name: str
    command: Sequence[str]
    missing: str = ""
    finds: Mapping[str, str] = field(default_factory=dict)


def kinds() -> list[Kind]:
    python = (sys.executable, "-m", "tests.bench.servicebus_client_programs")
    proton = "" if (PROTON / "proton").is_dir() else f"it {HOW}"
    rhea = "" if shutil.which("node") and (MODULES / "rhea").is_dir() else f"it {HOW}"
    return [
        Kind("azure-servicebus for Python", (*python, "sdk")),
        Kind("python-qpid-proton", (*python, "proton"), proton, {"PYTHONPATH": str(PROTON)}),
        Kind("rhea for Node", ("node", "-e", RHEA), rhea, {"NODE_PATH": str(MODULES)}),
        Kind("bare frames", (*python, "raw")),
    ]


def measure(kind: Kind, together: int, data: Path | None) -> None:
    queues = [f"q{number}" for number in range(together)]
    with running(config(**{queue: {} for queue in queues}), data) as bus:
        before = bus.cpu_seconds
        said = [json.loads(each) for each in _run(kind, bus, queues)]
        spent, theirs = bus.cpu_seconds - before, sum(each["cpu"] for each in said)
    rates = {step: sum(each["rates"][step] for each in said) for step in said[0]["rates"]}
    told = ", ".join(f"{step} {rate:,.0f}" for step, rate in rates.items())
    print(f"  {together} at a time: {told} per second", flush=True)
    print(
        f"    processor time: clients {theirs:.2f} s ({theirs / (theirs + spent):.0%}),"
        f" bus {spent:.2f} s",
        flush=True,
    )
    settled: list[float] = [ms for each in said for ms in each["settled"]]
    if settled:
        middle, slowest = percentile(settled, 50), percentile(settled, 99)
        print(f"    one settlement: p50 {middle:.2f} ms, p99 {slowest:.2f} ms", flush=True)


def _run(kind: Kind, bus: Running, queues: Sequence[str]) -> list[Any]:
    """Return what each client printed; they run at the same time."""
    processes = [
        subprocess.Popen(
            [*kind.command, bus.host, str(bus.amqp_port), queue],
            cwd=ROOT,
            env={**os.environ, **kind.finds},
            stdout=subprocess.PIPE,
        )
        for queue in queues
    ]
    return [process.communicate()[0] for process in processes]


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0."""
    parser = argparse.ArgumentParser(description="Measure the bus with real clients.")
    parser.add_argument("--durable", action="store_true", help="keep the messages in a file")
    durable = parser.parse_args(argv).durable
    for kind in kinds():
        print(
            kind.name if not kind.missing else f"{kind.name}: skipped, {kind.missing}", flush=True
        )
        for together in TOGETHER if not kind.missing else ():
            with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as data:
                measure(kind, together, Path(data) if durable else None)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
