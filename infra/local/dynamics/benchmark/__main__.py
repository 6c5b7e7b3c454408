"""Single inserts and batched rows per second of each product, over real HTTP.

The simulator is a process of its own, as it is in use. The sender shares the machine, so the rows
for each second of the simulator's own processor time are printed beside those of the clock: that is
what one core can do.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from infra.local.dynamics.benchmark.workloads import WORKLOADS, Sent, Workload
from infra.local.dynamics.identity.registration import IDENTITY_HEADER

_CONNECTIONS = 4


@dataclass
class Running:
    host: str
    port: int
    process: subprocess.Popen[str]

    def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, object]:
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.request("GET", path, headers=headers or {})
        document: dict[str, object] = json.loads(connection.getresponse().read())
        return document

    def processor_seconds(self) -> float:
        """User and system time so far; Linux says so in /proc."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser("infra.local.dynamics.benchmark", description=__doc__)
    names = [each.product for each in WORKLOADS]
    parser.add_argument("product", nargs="*", choices=[[], *names], help="all unless named")
    parser.add_argument("--singles", type=int, default=4000, help="inserts (%(default)s)")
    parser.add_argument("--rows", type=int, default=20000, help="batched rows (%(default)s)")
    arguments = parser.parse_args()
    for workload in WORKLOADS:
        if not arguments.product or workload.product in arguments.product:
            with _simulator() as running:
                _measure(running, workload, arguments.singles, arguments.rows)
    return 0


def _measure(running: Running, workload: Workload, singles: int, rows: int) -> None:
    resource = workload.resource or f"http://{running.host}:{running.port}"
    token = running.get(
        f"/msi/token?resource={quote(resource, safe='')}", {"X-IDENTITY-HEADER": IDENTITY_HEADER}
    )
    headers = {"Authorization": f"Bearer {token['access_token']}", **workload.headers}
    sends = {"single inserts": [workload.single(number) for number in range(singles)]}
    if workload.batch is not None:
        batches = -(-rows // workload.batch(0).rows)
        sends["batched rows"] = [workload.batch(number) for number in range(batches)]
    for what, sent in sends.items():
        before, begin = running.processor_seconds(), time.perf_counter()
        stored_before = _stored(running, workload)
        _send(running, headers, sent)
        elapsed = time.perf_counter() - begin
        used = running.processor_seconds() - before
        count = sum(each.rows for each in sent)
        if workload.counted and _stored(running, workload) - stored_before != count:
            sys.exit(f"{workload.product}: not every row was stored")
        print(
            f"{workload.product:22}{what:16}{count / elapsed:10,.0f}/s elapsed"
            f"{count / used:10,.0f}/s of one core"
        )


def _stored(running: Running, workload: Workload) -> int:
    """Rows in the sets the workload fills."""
    counts = running.get(f"/_simulator/entities?product={workload.product}")[workload.product]
    assert isinstance(counts, dict)
    return sum(counts[name] for name in workload.counted)


def _send(running: Running, headers: dict[str, str], sent: Sequence[Sent]) -> None:
    """Over a few connections at once, each taking the next one."""
    todo, failures = iter(sent), list[str]()
    turn = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection(running.host, running.port)
        while not failures:
            with turn:
                each = next(todo, None)
            if each is None:
                return
            own = headers | {"Content-Type": each.content_type}
            connection.request("POST", each.path, each.body, own)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= 300:
                failures.append(f"{answer.status} {body[:500].decode()}")

    threads = [threading.Thread(target=work) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(failures[0])


@contextmanager
def _simulator() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "infra.local.dynamics", "--data", directory]
        process = subprocess.Popen(
            [*command, "--port", "0", "--identity-port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            ready = dict(word.split("=", 1) for word in process.stdout.readline().split()[2:])
            where = urlsplit(ready["api"])
            yield Running(str(where.hostname), int(where.port or 0), process)
        finally:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


if __name__ == "__main__":
    sys.exit(main())
