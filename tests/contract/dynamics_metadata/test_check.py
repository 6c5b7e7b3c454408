"""`tillbus metadata check` against the simulators over HTTP, and against saved documents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from infra.local.cli import main
from infra.local.cli.metadata import simulated
from infra.local.dynamics import DynamicsSimulator
from infra.local.platform import Addresses
from shared.clock import utc_now
from shared.dynamics.metadata.documents import DOCUMENTS, Document
from tests.unit.dynamics_metadata.documents import SETS, xml


@pytest.fixture
def simulator() -> Iterator[DynamicsSimulator]:
    """The simulator in a thread of its own: the command line wants the main one."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(DynamicsSimulator()) as running,
    ):
        yield running


@pytest.fixture
def platform(simulator: DynamicsSimulator, tmp_path: Path) -> list[str]:
    """Return the options by which commands find the simulator as part of a running platform."""
    _addresses(simulator).write(tmp_path)
    return ["--data", str(tmp_path)]


def _addresses(simulator: DynamicsSimulator) -> Addresses:
    nowhere = ""
    return Addresses(
        amqp=nowhere,
        bus_admin=nowhere,
        dynamics=simulator.api_url,
        identity=simulator.identity_url,
        identity_ca=str(simulator.ca_file),
        appinsights=nowhere,
        functions=nowhere,
    )


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Run the command; return its exit code and what it said."""
    capsys.readouterr()
    code = main(["metadata", "check", "--json", *arguments])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


def test_every_simulated_product_has_what_we_write_and_read(
    platform: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, results = check(capsys, *platform)

    served = [each.name for each in DOCUMENTS if each.is_simulated]
    assert {each["product"]: each["findings"] for each in results} == {name: [] for name in served}
    assert all(each["fields"] for each in results)
    assert code == 0


def test_a_field_an_upgrade_renamed_is_named_with_what_it_breaks(
    simulator: DynamicsSimulator, platform: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade = {
        "kind": "schema-upgrade",
        "product": "finance-operations",
        "entity_set": "RetailTransactions",
        "field": "RreceiptId",
        "becomes": "ReceiptId",
    }
    httpx.post(f"{simulator.api_url}/_simulator/faults", json=upgrade).raise_for_status()
    code, [result] = check(capsys, *platform, "--product", "finance-operations")

    [finding] = result["findings"]
    assert (finding["change"], finding["name"]) == ("field missing", "RreceiptId")
    assert finding["near"][0] == "ReceiptId"
    assert finding["breaks"] == ["RetailTransactions.post"]
    assert code == 1


def test_an_environment_is_checked_with_the_settings_of_its_product(
    simulator: DynamicsSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DYNAMICS_TENANT_ID", simulator.registration.tenant_id)
    monkeypatch.setenv("DYNAMICS_CLIENT_ID", simulator.registration.client_id)
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", simulator.registration.client_secret)
    monkeypatch.setenv("DYNAMICS_AUTHORITY", simulator.identity_url)
    monkeypatch.setenv("DYNAMICS_CA_FILE", str(simulator.ca_file))
    options = ["--product", "finance-operations", "--url", simulator.api_url]
    assert check(capsys, *options)[0] == 0

    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "guess")
    code, complaint = check(capsys, *options)
    assert code == 2, "no answer is not an answer of no"
    assert "AADSTS7000215" in complaint


def test_a_saved_document_is_held_against_that_of_before_the_upgrade(
    simulator: DynamicsSimulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "before.xml", tmp_path / "after.xml"
    document = asyncio.run(_metadata(simulator, DOCUMENTS[0]))
    before.write_bytes(document)
    after.write_bytes(
        document.replace(b'Name="GrossAmount" Type="', b'Name="GrossAmount" Type="X.')
    )
    options = ["--product", DOCUMENTS[0].name, "--file"]

    assert (check(capsys, *options, str(before), "--baseline", str(before)))[0] == 0
    code, [result] = check(capsys, *options, str(after), "--baseline", str(before))
    assert code == 1
    assert {each["change"] for each in result["findings"]} == {"type changed"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_saved_document_needs_no_settings(
    document: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "other.xml"
    saved.write_bytes(xml(SETS))
    code, [result] = check(capsys, "--product", document.name, "--file", str(saved))

    assert code == 1
    assert {each["change"] for each in result["findings"]} == {"entity set missing"}


def test_an_environment_whose_settings_are_missing_names_the_variable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, complaint = check(capsys, "--product", "commerce", "--url", "https://x.invalid")

    assert code == 2
    assert "COMMERCE_COMPANY" in complaint


def test_a_file_that_is_no_metadata_is_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "login.html"
    page.write_text("<html/>")
    code, complaint = check(capsys, "--product", "finance-operations", "--file", str(page))

    assert code == 2
    assert "root is html" in complaint


async def _metadata(simulator: DynamicsSimulator, document: Document) -> bytes:
    pieces: list[bytes] = []
    await document.download(simulated(document, _addresses(simulator)), utc_now, pieces.append)
    return b"".join(pieces)
