"""What a worker's start costs: `python -m tests.bench.cold_start`.

Imports each function app in fresh processes, with byte code already compiled as in a deployed
package, and prints the shortest wall and processor time and the resident memory after it, beside
those of importing azure.functions alone. Telemetry is off: `configure` imports its exporter later.
"""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
APPS = sorted(each.name for each in pkgutil.iter_modules([str(REPOSITORY / "services")]))
MODULES = (
    "azure.functions",
    *(f"services.{name}.function_app" for name in APPS),
    "function_app",
)
ROUNDS = 5

# psutil is imported before the clock starts and before memory is read the first time.
_PROGRAM = """
import psutil, sys, time
process = psutil.Process()
before, cpu, wall = process.memory_info().rss, time.process_time(), time.perf_counter()
__import__(sys.argv[1])
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(wall, cpu, process.memory_info().rss, process.memory_info().rss - before, len(sys.modules))
"""


@dataclass(frozen=True)
class Start:
    """One import in a fresh process."""

    wall_seconds: float
    cpu_seconds: float
    resident_bytes: int
    added_bytes: int
    modules: int


def start(module: str, environment: Mapping[str, str]) -> Start:
    """Import the module in a process of its own."""
    printed = subprocess.run(
        [sys.executable, "-c", _PROGRAM, module],
        cwd=REPOSITORY,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    wall, cpu, resident, added, modules = printed
    return Start(float(wall), float(cpu), int(resident), int(added), int(modules))


def shortest(starts: Sequence[Start]) -> Start:
    """Return the start least disturbed by whatever else the machine did."""
    return min(starts, key=lambda each: each.cpu_seconds)


def main() -> int:
    """Return 0."""
    print(f"import in a fresh process, best of {ROUNDS}; memory is the whole process's")
    with tempfile.TemporaryDirectory(prefix="tillbus-bytecode-") as folder:
        environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        } | {"PYTHONPYCACHEPREFIX": folder, "PYTHONPATH": str(REPOSITORY)}
        for module in MODULES:
            start(module, environment)  # compiles
            best = shortest([start(module, environment) for _ in range(ROUNDS)])
            print(
                f"{module:<36} {best.wall_seconds * 1000:5.0f} ms wall,"
                f" {best.cpu_seconds * 1000:5.0f} ms CPU, {best.resident_bytes / 1e6:4.0f} MB"
                f" ({best.added_bytes / 1e6:+.0f}), {best.modules} modules",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
