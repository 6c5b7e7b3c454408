"""Reads the rows of the UCI Online Retail files: CSV or gzipped CSV, both column namings."""

from __future__ import annotations

import codecs
import csv
import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from io import TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple, TextIO, cast

COLUMNS: tuple[tuple[str, ...], ...] = (
    ("InvoiceNo", "Invoice"),
    ("StockCode",),
    ("Description",),
    ("Quantity",),
    ("InvoiceDate",),
    ("UnitPrice", "Price"),
    ("CustomerID", "Customer ID"),
    ("Country",),
)
"""The columns in the order of `Row`, each with the names it has in the two layouts."""

_SPREADSHEET_DATE = "%m/%d/%Y %H:%M"
"""How the distribution exported from a spreadsheet writes dates: 12/1/2010 8:26."""


class UnreadableFile(ValueError):
    """The file is not in a layout we know, or breaks off; the message is one sentence."""


class Row(NamedTuple):
    """One invoice line as written, with numbers and moment parsed."""

    number: int
    """Line of the file, the header being line 1."""
    invoice: str
    code: str
    description: str
    quantity: Decimal
    moment: datetime
    """The file names no zone: read as UTC."""
    price: Decimal
    customer: str
    country: str


class BrokenRow(NamedTuple):
    """A row with a missing column or a number or date nobody can read."""

    number: int
    invoice: str
    """Its first readable cell in the invoice column, possibly empty."""
    problem: str


def read_rows(path: Path) -> Iterator[Row | BrokenRow]:
    """Yield every row in file order; empty lines are no rows. Raises UnreadableFile, OSError."""
    with _opened(path) as file:
        lines = csv.reader(file)
        try:
            positions = _positions(next(lines, []))
            for cells in lines:
                if cells:
                    yield _row(lines.line_num, cells, positions)
        except (csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise UnreadableFile(
                f"{path.name} cannot be read beyond line {lines.line_num}: {error}"
            ) from error


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    codecs.register_error(_ONE_BYTE, _as_latin_1)
    with ExitStack() as closing:
        binary: IO[bytes] = closing.enter_context(path.open("rb"))
        if path.suffix == ".gz":
            binary = cast("IO[bytes]", closing.enter_context(gzip.open(binary)))
        yield TextIOWrapper(binary, encoding="utf-8-sig", errors=_ONE_BYTE, newline="")


_ONE_BYTE = "tillbus-one-byte"


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Read a byte that is not UTF-8 as Latin-1: one distribution of the file is written so."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _positions(header: list[str]) -> list[int]:
    names = [name.strip() for name in header]
    missing = [" or ".join(known) for known in COLUMNS if not set(known) & set(names)]
    if missing:
        raise UnreadableFile(f"this is no Online Retail file: no column {', '.join(missing)}")
    return [next(names.index(name) for name in known if name in names) for known in COLUMNS]


def _row(number: int, cells: list[str], positions: list[int]) -> Row | BrokenRow:
    try:
        invoice, code, description, quantity, moment, price, customer, country = (
            cells[position] for position in positions
        )
    except IndexError:
        return BrokenRow(number, cells[0].strip(), f"it has {len(cells)} columns")
    try:
        return Row(
            number,
            invoice.strip().upper(),
            code,
            description,
            _number(quantity),
            _moment(moment),
            _number(price),
            customer,
            country,
        )
    except ValueError as error:
        return BrokenRow(number, invoice.strip(), str(error))


@lru_cache(maxsize=10_000)
def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


@lru_cache(maxsize=1_000)
def _moment(text: str) -> datetime:
    stripped = text.strip()
    try:
        if "/" in stripped:
            return datetime.strptime(stripped, _SPREADSHEET_DATE).replace(tzinfo=UTC)
        return datetime.fromisoformat(stripped).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time") from None
