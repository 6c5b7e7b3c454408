"""A data package as values: which backlog is worth one, its file, its errors. No I/O.

Source: dynamics.md 1.5. The manifest's element names are those of exported packages [U]; errors
name a row by its number in the file [U], counted from 1.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape


class Route(StrEnum):
    ODATA = "odata"
    PACKAGE = "package"


def route(backlog: int, threshold: int) -> Route:
    """Return how so many rows should go: below the threshold one by one, answered at once."""
    return Route.PACKAGE if backlog >= threshold else Route.ODATA


FILE = "data.csv"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_HEADER = """<?xml version="1.0" encoding="utf-8"?>
<DataManagementPackageHeader xmlns="http://schemas.microsoft.com/dynamics/2015/01/DataManagement">
<PackageType>DefinitionGroup</PackageType><PackageVersion>2</PackageVersion>
</DataManagementPackageHeader>"""
_MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<DataManagementPackageManifest xmlns="http://schemas.microsoft.com/dynamics/2015/01/DataManagement">
<DefinitionGroupName>{group}</DefinitionGroupName><PackageEntityList>
<DataManagementPackageEntityData><EntityName>{entity}</EntityName>
<InputFilePath>{file}</InputFilePath><SourceFormat>CSV-Unicode</SourceFormat>
</DataManagementPackageEntityData></PackageEntityList></DataManagementPackageManifest>"""


def package_file(group: str, entity: str, rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return the zip: manifest, header and one CSV; the same rows always give the same bytes."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    # Staging columns are upper case; the company is a parameter of the import, not a column.
    written = [name for name in names if name != "dataAreaId"]
    writer.writerow([name.upper() for name in written])
    writer.writerows([_text(row.get(name)) for name in written] for row in rows)
    manifest = _MANIFEST.format(group=escape(group), entity=escape(entity), file=FILE)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in (
            ("Manifest.xml", manifest),
            ("PackageHeader.xml", _HEADER),
            (FILE, text.getvalue()),
        ):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), part.encode("utf-8"))
    return content.getvalue()


def execution_id(company: str, group: str, content: bytes) -> str:
    """Return the id under which exactly this content is imported: what makes a repeat findable."""
    return str(uuid5(NAMESPACE_URL, f"{company}/{group}/{sha256(content).hexdigest()}"))


def errors_by_row(text: str, rows: int) -> tuple[dict[int, str], list[str]]:
    """Return the messages by row (from 0), and those of no row."""
    by_row: dict[int, str] = {}
    others: list[str] = []
    for error in _listed(text):
        number, message = str(error.get("RecordId", "")), str(error.get("ErrorMessage", ""))
        if number.isdecimal() and 1 <= int(number) <= rows:
            index = int(number) - 1
            by_row[index] = f"{by_row[index]}; {message}" if index in by_row else message
        else:
            others.append(message)
    return by_row, others


def _listed(text: str) -> list[Mapping[str, object]]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return [{"ErrorMessage": text}]
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat()
        case date():
            return f"{value.isoformat()}T12:00:00Z"
        case _:
            return str(value)
