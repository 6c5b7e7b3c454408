"""The package API of data management: blobs in, executions on the clock, errors by row.

Source: dynamics.md 1.5. Guessed: how long an execution takes; that a second import while one runs
is refused at once; the shape of an error; columns are matched to fields by name without case.
"""

from __future__ import annotations

import csv
import io
import json
import math
import uuid
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from xml.etree import ElementTree

from infra.local.dynamics.clock import Clock
from infra.local.dynamics.odata.entities import INT32, TEXT, EntitySet, Row, field_table
from infra.local.dynamics.odata.store import EntityStore

from . import errors
from .bodies import typed
from .entity_sets import ENTITY_SETS
from .errors import ODataError
from .operations import Operations
from .rows import Rows

EXECUTIONS = EntitySet(
    "_Executions",
    "",
    "",
    "",
    ("ExecutionId",),
    field_table(
        (TEXT, "ExecutionId DefinitionGroup LegalEntity Until Status Errors"), (INT32, "Rows")
    ),
)
"""Not served: executions with what they will have come to `Until`."""

_SECONDS = 2.0
_ROWS_PER_SECOND = 1000.0
MAX_BLOB = 256 * 1024 * 1024


class _Result(NamedTuple):
    status: str
    rows: int
    errors: list[dict[str, str]]


class Packages:
    def __init__(self, store: EntityStore, operations: Operations, clock: Clock) -> None:
        self._store = store
        self._rows = Rows(store)
        self._operations = operations
        self._clock = clock
        self._blobs: dict[str, bytes | None] = {}

    def write_url(self, root: str, parameters: Mapping[str, object]) -> str:
        """GetAzureWriteUrl: a blob to be written by whoever has the URL."""
        name = str(parameters.get("uniqueFileName") or uuid.uuid4())
        blob = str(uuid.uuid4())
        self._blobs[blob] = None
        url = f"{root}data_blob/{blob}?sv=2023-01-03&sr=b&sp=rw&sig=local"
        return json.dumps({"BlobId": blob, "BlobUrl": url, "FileName": name})

    def put_blob(self, blob: str, content: bytes) -> bool:
        """Return whether there is such a blob to be written."""
        if blob not in self._blobs:
            return False
        self._blobs[blob] = content
        return True

    def import_package(self, parameters: Mapping[str, object]) -> str:
        """ImportFromPackage: begin an execution. Raises ODataError."""
        if self._running() is not None:
            raise errors.refused_action(
                "Another import of a data package is running; imports must not run in parallel."
            )
        execution = str(parameters.get("executionId") or uuid.uuid4())
        if self._rows.get(EXECUTIONS, execution) is not None:
            raise errors.refused_action(f"The execution id '{execution}' already exists.")
        content = self._blobs.get(_blob_of(str(parameters.get("packageUrl", ""))))
        if content is None:
            raise errors.refused_action("The package URL holds no file.")
        company = str(parameters.get("legalEntityId", ""))
        result = self._carry_out(content, company)
        seconds = _SECONDS + result.rows / _ROWS_PER_SECOND
        until = self._clock() + timedelta(seconds=math.ceil(seconds))
        with self._store.transaction():
            self._rows.add(
                EXECUTIONS,
                {
                    "ExecutionId": execution,
                    "DefinitionGroup": str(parameters.get("definitionGroupId", "")),
                    "LegalEntity": company,
                    "Until": until.isoformat(),
                    "Status": result.status,
                    "Errors": json.dumps(result.errors),
                    "Rows": result.rows,
                },
            )
        return execution

    def status(self, parameters: Mapping[str, object]) -> str:
        row = self._rows.get(EXECUTIONS, str(parameters.get("executionId", "")))
        if row is None:
            return "Unknown"
        return "Executing" if self._is_running(row) else str(row["Status"])

    def errors(self, parameters: Mapping[str, object]) -> str:
        row = self._rows.get(EXECUTIONS, str(parameters.get("executionId", "")))
        return "[]" if row is None or self._is_running(row) else str(row["Errors"])

    def _running(self) -> Row | None:
        last = list(self._rows.below(EXECUTIONS))[-1:] if self._any() else []
        return next((row for row in last if self._is_running(row)), None)

    def _any(self) -> bool:
        return bool(self._store.count(EXECUTIONS, "1", ()))

    def _is_running(self, row: Row) -> bool:
        return self._clock() < datetime.fromisoformat(str(row["Until"]))

    def _carry_out(self, content: bytes, company: str) -> _Result:
        """Each row on its own, created or changed by its key, as a staging table is copied."""
        try:
            files = _files(content)
        except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, UnicodeError) as error:
            text = f"The package cannot be read: {error}"
            return _Result("Failed", 0, [{"RecordId": "", "Field": "", "ErrorMessage": text}])
        found, total = list[dict[str, str]](), 0
        for label, text in files:
            entity_set = _by_label(label)
            if entity_set is None:
                message = f"The entity '{label}' is not in the data project."
                found.append({"RecordId": "", "Field": "", "ErrorMessage": message})
                continue
            for number, record in enumerate(csv.DictReader(io.StringIO(text)), start=1):
                total += 1
                try:
                    with self._store.transaction():
                        self._operations.upsert(entity_set, _row(entity_set, record, company))
                except ODataError as error:
                    found.append(
                        {"RecordId": str(number), "Field": "", "ErrorMessage": error.reason}
                    )
        if not found:
            return _Result("Succeeded", total, found)
        return _Result("PartiallySucceeded" if len(found) < total else "Failed", total, found)


def _blob_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _files(content: bytes) -> list[tuple[str, str]]:
    """Entity label and CSV text of every file the manifest lists."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        manifest = ElementTree.fromstring(archive.read("Manifest.xml"))
        if "PackageHeader.xml" not in archive.namelist():
            raise KeyError("PackageHeader.xml")
        files = []
        for entity in manifest.iter():
            if entity.tag.rpartition("}")[2] != "DataManagementPackageEntityData":
                continue
            parts = {each.tag.rpartition("}")[2]: each.text or "" for each in entity}
            text = archive.read(parts["InputFilePath"]).decode("utf-8-sig")
            files.append((parts["EntityName"], text))
        return files


def _by_label(label: str) -> EntitySet | None:
    """Data management names entities by label: `Customers V3` is the set CustomersV3."""
    return ENTITY_SETS.get(label.replace(" ", ""))


def _row(entity_set: EntitySet, record: Mapping[str, str], company: str) -> Row:
    names = {name.upper(): name for name in entity_set.fields}
    values: dict[str, object] = {"dataAreaId": company} if "dataAreaId" in names.values() else {}
    for column, text in record.items():
        name = names.get(column.upper())
        if name is None:
            raise errors.unknown_property(entity_set, column)
        if text:
            values[name] = _value(entity_set, name, text)
    return typed(entity_set, values)


def _value(entity_set: EntitySet, name: str, text: str) -> object:
    kind = entity_set.fields[name]
    if isinstance(kind.default, str):
        return text
    try:
        number = float(text)
    except ValueError as error:
        raise errors.wrong_value(name, kind, text) from error
    return int(number) if number.is_integer() else number
