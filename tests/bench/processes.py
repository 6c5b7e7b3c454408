"""Processor time and memory of the platform's processes, their children included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import psutil  # type: ignore[import-untyped]

from infra.local.platform import Platform


@dataclass
class Usage:
    """What one component has used since the meter began."""

    cpu_seconds: float = 0.0
    most_bytes: int = 0
    """The largest resident size seen, of all its processes together."""
    _cpu_before: float = field(default=0.0, repr=False)


class Meter:
    """Meters every component of a platform; `sample` now and then, or peaks are missed."""

    def __init__(self, platform: Platform) -> None:
        self._pids = {name: each.pid for name, each in platform.components.items()}
        self.usage: Mapping[str, Usage] = {
            name: Usage(_cpu_before=_cpu(pid)) for name, pid in self._pids.items()
        }

    def sample(self) -> None:
        """Bring the usage up to date."""
        for name, pid in self._pids.items():
            usage = self.usage[name]
            usage.cpu_seconds = _cpu(pid) - usage._cpu_before
            usage.most_bytes = max(usage.most_bytes, sum(p.memory_info().rss for p in _tree(pid)))


def _cpu(pid: int) -> float:
    times = [process.cpu_times() for process in _tree(pid)]
    return float(sum(each.user + each.system for each in times))


def _tree(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)
