"""`python -m tests.fuzz.servicebus --minutes N`: every target in turn, each in its own process.

Exit code 0 when nothing was found; the input that did it is named otherwise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.fuzz.servicebus import NAMES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.servicebus")
    parser.add_argument("--minutes", type=float, default=5, help="for all targets (%(default)s)")
    parser.add_argument("--target", choices=NAMES, help="only this one")
    parser.add_argument("--input", type=Path, help="run one input, as named by a failure")
    parser.add_argument("--artifacts", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.input is not None:
        return _once(arguments.target, arguments.input)
    if arguments.inside:
        return _fuzz(arguments.target, arguments.minutes * 60, arguments.artifacts)
    names = [arguments.target] if arguments.target else list(NAMES)
    each = [str(arguments.minutes / len(names)), "--artifacts", str(arguments.artifacts)]
    failed = [
        name
        for name in names
        if subprocess.run(
            [sys.executable, "-m", __package__, "--inside", "--target", name, "--minutes", *each],
            check=False,
        ).returncode
    ]
    print(f"failed: {', '.join(failed)}" if failed else f"nothing found in {', '.join(names)}")
    return 1 if failed else 0


def _once(name: str, path: Path) -> int:
    from tests.fuzz.servicebus.targets import TARGETS, failures_escape

    with failures_escape():
        TARGETS[name](path.read_bytes())
    return 0


def _fuzz(name: str, seconds: float, artifacts: Path) -> int:
    try:
        import atheris
    except ImportError:
        return _mutate(name, seconds, artifacts)
    with atheris.instrument_imports(include=["infra.local.servicebus"]):
        from tests.fuzz.servicebus.corpus import SEEDS
        from tests.fuzz.servicebus.targets import TARGETS, failures_escape
    with tempfile.TemporaryDirectory() as corpus, failures_escape():
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / f"{number}").write_bytes(seed)
        options = [
            f"-max_total_time={max(int(seconds), 1)}",
            f"-artifact_prefix={artifacts}/{name}-",
            "-max_len=65536",
            "-rss_limit_mb=1024",
            "-timeout=10",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], TARGETS[name])
        atheris.Fuzz()
    return 0


def _mutate(name: str, seconds: float, artifacts: Path) -> int:
    """Without atheris: changed seeds, not guided by what they reach."""
    from tests.fuzz.servicebus.corpus import changed
    from tests.fuzz.servicebus.targets import TARGETS, failures_escape

    chance, count = Random(time.time_ns()), 0
    until = time.monotonic() + seconds
    with failures_escape():
        while time.monotonic() < until:
            data = changed(name, chance)
            count += 1
            try:
                TARGETS[name](data)
            except Exception:
                path = artifacts / f"{name}-crash"
                path.write_bytes(data)
                print(f"{name}: {path}", file=sys.stderr)
                raise
    print(f"{name}: {count} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
