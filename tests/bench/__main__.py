"""Every benchmark, or those named: `python -m tests.bench [NAME ...]`.

Prints figures and asserts nothing. Each runs in a process of its own, headed by the command that
repeats it alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

BENCHES: Mapping[str, str] = MappingProxyType(
    {
        "cold_start": "What importing each function app costs a worker's start",
        "hot_path": "What one fact costs our own code, and whether memory stays flat",
        "servicebus_engine": "What the local bus costs per message, without sockets and SDK",
        "servicebus_ready": "How soon the local bus serves",
        "servicebus_clients": "The local bus with real clients: rates and whose time it is",
        "servicebus_memory": "What messages through and waiting cost the local bus in memory",
        "servicebus_recovery": "How soon a local bus with a million stored messages serves",
        "servicebus_many": "The local bus with many sessions, rules, and many buses at once",
        "dynamics_client": "What our Dynamics client costs on top of bare httpx",
        "dynamics_adapters": "What each Dynamics adapter costs on top of bare httpx",
        "dynamics_drill": "10,000 writes of each adapter over connections that break",
        "dynamics_metadata": "What reading a $metadata of Finance & Operations' size costs",
        "store": "What the inbox, the archive and the rest of the store take in a second",
        "outbox": "What a till's outbox costs: puts, bytes on disk, upload",
        "completeness": "What certifying store-days costs, and how soon a gap is named",
        "sales_calls": "How many requests the sales service needs per thousand tickets",
        "stock_calls": "How many requests the inventory service needs per thousand facts",
        "governor": "What the rate governor gets out of an environment with limits, simulated",
        "functions_idle": "What listening to every subscription costs the local Functions host",
        "backfill": "Live sales beside a backlog of late ones",
        "pipeline": "The whole chain: sale-to-ledger latency, and a backlog beside a bare SDK loop",
    }
)
"""Module of this package -> what it measures; in order of running."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or the exit code of the last benchmark that failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure speed and memory.",
        epilog=f"Benchmarks: {', '.join(BENCHES)}.",
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="default: all of them")
    names = parser.parse_args(argv).name or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    exit_code = 0
    for name in names:
        print(f"\n{BENCHES[name]}\n  python -m tests.bench.{name}\n", flush=True)
        ended = subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False)
        exit_code = ended.returncode or exit_code
    return exit_code


if __name__ == "__main__":
    raise SystemExit(main())
