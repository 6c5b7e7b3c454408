"""``tillbus metadata check``: which of the fields we use an environment no longer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from rich.table import Table

from infra.local.cli.output import Unusable, narrow_table, out, print_json
from infra.local.dynamics.identity.registration import Registration
from infra.local.platform import Addresses
from shared.clock import utc_now
from shared.dynamics import DynamicsError
from shared.dynamics.fields import EntityFields
from shared.dynamics.metadata import (
    Finding,
    Metadata,
    MetadataReader,
    Severity,
    UnreadableMetadata,
    compare,
)
from shared.dynamics.metadata.documents import DOCUMENTS, Document
from shared.dynamics.settings import ConnectionSettings

_PIECE = 1 << 16


@dataclass(frozen=True)
class Checked:
    product: str
    tables: Sequence[EntityFields]
    findings: Sequence[Finding]

    @property
    def fields(self) -> int:
        return sum(len(table.names) for table in self.tables)

    def json(self) -> dict[str, object]:
        return {
            "product": self.product,
            "entity_sets": len(self.tables),
            "fields": self.fields,
            "findings": [finding.json() for finding in self.findings],
        }


def documents(product: str | None) -> list[Document]:
    """Return the documents of a product, or all. Raises Unusable for one that has none."""
    found = [each for each in DOCUMENTS if product in (None, each.name)]
    if not found:
        known = ", ".join(each.name for each in DOCUMENTS)
        raise Unusable(f"{product} has no $metadata we know of; these have: {known}")
    return found


def check_file(document: Document, file: Path, baseline: Path | None) -> Checked:
    """Compare a saved document. Raises Unusable and OSError."""
    settings = _settings(document, _NOWHERE)
    return _checked(document, settings, _read(file), baseline)


async def check_environment(
    document: Document, settings: ConnectionSettings, baseline: Path | None
) -> Checked:
    """Compare what an environment says. Raises Unusable."""
    try:
        now = await document.read(settings, utc_now)
    except DynamicsError as error:
        raise Unusable(f"{document.name}: {error.describe()}") from error
    except UnreadableMetadata as error:
        raise Unusable(f"{document.name}: {error}") from error
    return _checked(document, settings, now, baseline)


def simulated(document: Document, addresses: Addresses) -> ConnectionSettings:
    """Return the settings that reach the simulator of a running platform."""
    registered = Registration()
    return _settings(
        document,
        {
            "url": addresses.dynamics,
            "authority": addresses.identity,
            "ca_file": addresses.identity_ca,
            "tenant_id": registered.tenant_id,
            "client_id": registered.client_id,
            "client_secret": registered.client_secret,
            "custom_api": _SIMULATED_API,
        },
    )


_SIMULATED_API = "tillbus/retail/v1.0"
"""Of Business Central; the other products have no such setting and do not look at it."""


_NOWHERE = {"url": "https://saved.invalid", "company": "-", "operating_unit": "-", "channel_id": 0}
"""What settings need to say where an environment is, which plays no part for a saved document."""


def configured(document: Document, url: str) -> ConnectionSettings:
    """Return the product's settings from the environment's variables, for another URL. Raises
    Unusable."""
    return _settings(document, {"url": url})


def _settings(document: Document, values: Mapping[str, object]) -> ConnectionSettings:
    """Values of other products' settings do no harm."""
    try:
        return document.settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        variable = f"{document.settings.model_config['env_prefix']}{name}".upper()
        raise Unusable(f"{variable}: {first['msg']}") from error


def report(results: Sequence[Checked], as_json: bool) -> int:
    """Print what was found; return 1 if anything breaks, else 0."""
    findings = [finding for result in results for finding in result.findings]
    if as_json:
        print_json([result.json() for result in results])
    else:
        for result in results:
            if result.findings:
                out.print(_table(result))
            out.print(
                f"{result.product}: {result.fields} fields of "
                f"{len(result.tables)} entity sets checked, "
                f"{len(result.findings) or 'no'} findings"
            )
    return int(any(finding.severity is Severity.BREAKS for finding in findings))


def _checked(
    document: Document, settings: ConnectionSettings, now: Metadata, baseline: Path | None
) -> Checked:
    before = None if baseline is None else _read(baseline)
    tables = document.tables(settings)
    return Checked(document.name, tables, compare(tables, now, before))


def _read(file: Path) -> Metadata:
    reader = MetadataReader()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                reader.feed(piece)
        return reader.close()
    except UnreadableMetadata as error:
        raise Unusable(f"{file}: {error}") from error


def _table(result: Checked) -> Table:
    table = narrow_table(result.product)
    for heading in ("", "what", "where", "detail", "used by"):
        table.add_column(heading, overflow="fold")
    for each in result.findings:
        where = f"{each.entity_set}.{each.name}" if each.name else each.entity_set
        near = f"perhaps now {' or '.join(each.near)}" if each.near else ""
        detail = "; ".join(filter(None, (each.detail, near)))
        table.add_row(each.severity, each.change, where, detail, ", ".join(each.breaks))
    return table
