"""Certifies a vendor's sample facts: rule by rule what would be refused, and why.

Three modules, in the order they are used: `reading` takes files apart into documents, `examining`
looks at each document alone, `books` at what they say together. The verdict on a document is that
of `shared.events.decode` and of `shared.tax.check`, the code that would refuse it on the bus.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from shared.tax import TaxRates

from .books import Books
from .examining import Examiner
from .reading import read_documents
from .report import RULES, Finding, Report

__all__ = ["RULES", "Finding", "Report", "certify"]


def certify(
    files: Iterable[Path], *, now: datetime, country: str = "", rates: TaxRates | None = None
) -> Report:
    """Return what is found in files of CloudEvents, one JSON document a line or a JSON array.

    `country` (ISO 3166-1) is the one whose tax law sales are held against; empty for none. Raises
    OSError for a file that cannot be read.
    """
    examiner = Examiner(now, country, rates or TaxRates.packaged())
    books = Books()
    report = Report(country=country)
    for file in files:
        report.files += 1
        for document in read_documents(file):
            report.documents += 1
            examined = examiner.examine(document)
            report.findings += examined.findings
            if examined.event is not None:
                report.findings += books.enter(document.where, examined.event)
    report.findings += books.close()
    return report
