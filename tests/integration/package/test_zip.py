"""The very zip that is deployed, loaded by the very worker, in an environment of its own.

On Azure the platform brings the worker and the gRPC settlement service; here the worker package is
installed beside the zip's own dependencies and the settlement service runs in this process.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent import futures
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import pytest
from azurefunctions.extensions.bindings.protos import settlement_pb2_grpc
from google.protobuf.empty_pb2 import Empty

from infra.local.platform.platform import TOPOLOGY
from infra.local.servicebus import LocalServiceBus
from tools.package import REPOSITORY, SITE_PACKAGES, main, services

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        sys.version_info[:2] != (3, 13), reason="the zip is built for CPython 3.13, run by it too"
    ),
]

# Runs in the clean environment: drives the worker as the platform would, for one message.
_DRIVER = Path(__file__).with_name("drive_worker.py")


class _Settlement(settlement_pb2_grpc.SettlementServicer):  # type: ignore[misc]
    """Writes down what the app asks the platform to settle."""

    def __init__(self) -> None:
        self.dead_lettered: list[tuple[str, str, str]] = []

    def Deadletter(self, request: Any, context: Any) -> Empty:
        reason = request.deadletterReason.value
        description = request.deadletterErrorDescription.value
        self.dead_lettered.append((request.locktoken, reason, description))
        return Empty()


@pytest.fixture
def settlement() -> Iterator[tuple[_Settlement, int]]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = _Settlement()
    settlement_pb2_grpc.add_SettlementServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, port
    server.stop(None)


def _worker_alone(folder: Path) -> Path:
    """Install only the worker package, which Azure's platform brings."""
    uv = Path(sys.executable).with_name("uv")
    pin = next(
        line.split(" ")[0]
        for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
        if line.startswith("azure-functions-runtime==")
    )
    command = [str(uv), "pip", "install", "--quiet", "--no-deps", "--target", str(folder), pin]
    subprocess.run([*command, "--python", sys.executable], check=True)
    return folder


def functions_of(service: str) -> set[str]:
    """Return what the service registers here, where everything is installed."""
    app: Any = import_module(f"services.{service}.function_app").app
    return {builder.build().get_function_name() for builder in app._function_builders}


def pinned(text: str) -> set[str]:
    """Return the lines of a requirements file that pin a package."""
    return {line.split(" ")[0] for line in text.splitlines() if "==" in line}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all services are packaged: what they have in common is packed there once."""
    return tmp_path_factory.mktemp("dist")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _worker_alone(tmp_path_factory.mktemp("platform"))


@pytest.mark.parametrize("service", services())
async def test_packaged_service_indexes_and_dead_letters_an_invalid_message(
    service: str, dist: Path, worker: Path, tmp_path: Path, settlement: tuple[_Settlement, int]
) -> None:
    assert main([service, "--out", str(dist)]) == 0
    app = tmp_path / "app"
    with zipfile.ZipFile(dist / f"{service}.zip") as archive:
        names = archive.namelist()
        archive.extractall(app)
    servicer, port = settlement

    # A bare interpreter: no site-packages but the zip's own and the worker's.
    async with LocalServiceBus(TOPOLOGY) as bus:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_DRIVER), str(app), str(worker)),
            *(str(port), service, bus.connection_string),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, complaints = await asyncio.wait_for(driver.communicate(), 600)

    assert driver.returncode == 0, complaints.decode()
    report = json.loads(printed.splitlines()[-1])
    assert set(report["functions"]) == functions_of(service)
    assert set(report["services"]) == {"services", f"services.{service}"}
    requirements = pinned((app / "requirements.txt").read_text())
    assert requirements
    assert requirements <= pinned((REPOSITORY / "constraints.txt").read_text())
    assert {Path(name).parts[1] for name in names if name.startswith("services/")} <= {
        "__init__.py",
        service,
    }
    assert not [name for name in names if "local.settings" in name or name.startswith("tests/")]
    assert f"{SITE_PACKAGES.as_posix()}/azure/functions/__init__.py" in names
    if service == "sales":
        ((_, reason, description),) = servicer.dead_lettered
        assert reason == "invalid-json"
        assert description


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    for place in ("one", "two"):
        assert main(["sales", "--no-dependencies", "--out", str(tmp_path / place)]) == 0

    one, two = (tmp_path / place / "sales.zip" for place in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_an_unknown_service_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["nothing", "--out", str(tmp_path)]) == 1

    known = "completeness, customers, inventory, orders, sales"
    assert capsys.readouterr().err == (
        f"package: there is no service 'nothing'; there are {known}\n"
    )


def test_all_services_are_packed_by_one_command(tmp_path: Path) -> None:
    assert main(["all", "--no-dependencies", "--out", str(tmp_path)]) == 0

    assert sorted(path.stem for path in tmp_path.glob("*.zip")) == services()
