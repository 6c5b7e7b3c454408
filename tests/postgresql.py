"""A PostgreSQL of the tests' own, from the binaries the machine has."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "tillbus"
READY_SECONDS = 120


@contextmanager
def postgresql_server() -> Iterator[Path]:
    """Run a server and give the folder of its socket; skip, saying why, where there is none.

    It listens on a socket in a folder of its own only, so it can never collide with another one.
    fsync is off: these tests kill clients, not the machine.
    """
    initdb, postgres = _binary("initdb"), _binary("postgres")
    # Socket paths have little room (about 100 bytes), pytest's folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="tbpg-"))
    try:
        prefix, environment = _as_unprivileged(folder)
        subprocess.run(
            [*prefix, str(initdb), "-D", str(folder / "db"), "-U", USER, "-A", "trust",
             "-E", "UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, cwd=folder, env=environment,
        )  # fmt: skip
        with _running(prefix, environment, postgres, folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    prefix: list[str], environment: dict[str, str], postgres: Path, folder: Path
) -> Iterator[None]:
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [*prefix, str(postgres), "-D", str(folder / "db"), "-k", str(folder), "-h", "",
         "-F", "-c", "max_connections=60"],
        stdout=log, stderr=log, cwd=folder, env=environment,
    )  # fmt: skip
    try:
        _wait_until_ready(server, folder)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)  # "immediate": nothing is worth keeping
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    command = [str(_binary("pg_isready")), "-h", str(folder), "-t", "1", "-q"]
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"PostgreSQL stopped: {(folder / 'log').read_text()[-2000:]}")
        if subprocess.run(command, check=False).returncode == 0:
            return
        try:  # wait on the process rather than on the clock: it may also die
            server.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"PostgreSQL did not become ready within {READY_SECONDS} seconds")


def _binary(name: str) -> Path:
    candidates = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = next(iter(candidates), None) or shutil.which(name)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed here: no {name}")
    return Path(found)


def _as_unprivileged(folder: Path) -> tuple[list[str], dict[str, str]]:
    """PostgreSQL refuses to run as root: then it runs as nobody, who owns the folder."""
    environment = os.environ | {"HOME": str(folder), "TZ": "UTC", "LC_ALL": "C"}
    if os.geteuid() != 0:
        return [], environment
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("PostgreSQL cannot run as root and there is no setpriv to change user with")
    nobody = 65534
    os.chown(folder, nobody, nobody)
    return [setpriv, f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"], environment
