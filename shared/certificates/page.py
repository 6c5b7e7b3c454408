"""A certificate's document -> a page that an auditor can read, print and keep. Pure.

One file: nothing is loaded from anywhere. The document itself is embedded, and the same document
always becomes the same page: whoever verifies one makes it again and compares
(`tillbus certificate verify --files`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from shared.certificates.style import STYLE
from shared.certificates.tables import effect, moment, named, place, ranges, table

Document = Mapping[str, Any]

VERDICTS = {
    "balanced": "Every number, document and amount agrees with the tills and with the store.",
    "open": "The store has not closed this day; everything below is provisional.",
    "incomplete": "Something is missing:",
    "differs": "Everything is there, but not everything agrees:",
}


def certificate_page(document: Document) -> str:
    """Return the page as HTML."""
    title = f"{document['company']} / {document['store']} / {document['business_day']}"
    content = "".join(part(document) for part in _PARTS)
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Certificate {escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{content}</main>\n{_embedded(document)}</body></html>\n"
    )


def _embedded(document: Document) -> str:
    # In a script element only "</" could end the data early, and "<!--" change how it is read.
    text = json.dumps(document, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="certificate">{text}</script>\n'


def _heading(document: Document) -> str:
    verdict = str(document["verdict"])
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in document["reasons"])
    return (
        "<header><p class=kind>Store-day certificate</p>"
        f"<h1>{escape(document['store'])} <span>{escape(document['business_day'])}</span></h1>"
        f"<p class=company>Company {escape(document['company'])}</p></header>\n"
        f'<section class="verdict {escape(verdict)}"><h2>{escape(verdict.capitalize())}</h2>'
        f"<p>{escape(VERDICTS.get(verdict, ''))}</p>"
        f"{f'<ul>{reasons}</ul>' if reasons else ''}</section>\n"
    )


def _figures(document: Document) -> str:
    figures = (
        ("Sales and returns seen", document["facts_seen"]),
        ("Documents in the ledger", document["documents_posted"]),
        ("Numbers missing", document["missing_sequences"]),
        ("Rejected", sum(not each["posted_later"] for each in document["rejected"])),
        ("Half-booked", len(document["half_booked"])),
    )
    cells = "".join(f"<div><dd>{value}</dd><dt>{name}</dt></div>" for name, value in figures)
    return f"<dl class=figures>{cells}</dl>\n"


def _amounts(document: Document) -> str:
    close = document["day_close"]
    stated = {close["currency"]: close["total"]} if close else {}
    rows = [
        [
            each["currency"],
            each["facts"],
            each["documents"],
            each["difference"],
            stated.get(each["currency"], "—"),
        ]
        for each in document["amounts"]
    ]
    heads = ["Currency", "At the tills", "In the ledger", "Difference", "Store's own total"]
    return table("Amounts", heads, rows, numbers_from=1, empty="No money moved.")


def _tenders(document: Document) -> str:
    rows = [
        [
            each["type"],
            each["currency"],
            *(
                "—" if each[name] is None else each[name]
                for name in ("taken", "z_total", "moved", "expected", "declared", "over_short")
            ),
        ]
        for each in document["tenders"]
    ]
    heads = [
        "Means", "Currency", "Taken", "Store's total (Z)", "Moved", "Expected when counted",
        "Counted", "Over / short",
    ]  # fmt: skip
    note = (
        "Taken: by the facts, change and refunds off. Moved: floats, drops, paid in and out. "
        "A drawer over or short is shown, and is no fault of the books."
    )
    return table("Means of payment", heads, rows, numbers_from=2, note=note)


def _terminals(document: Document) -> str:
    rows = [
        [
            each["terminal"],
            ranges(each["runs"]),
            ", ".join(f"{count} × {kind}" for kind, count in each["transactions"].items()),
            str(each["documents"]),
            ranges(each["missing"]) or "none",
            ", ".join(map(str, each["repeated"])) or "none",
        ]
        for each in document["terminals"]
    ]
    heads = ["Terminal", "Numbers", "Transactions", "Documents", "Missing", "Used twice"]
    again = any(len(each["runs"]) > 1 for each in document["terminals"])
    note = "Several runs of numbers: the counter began again during the day." if again else ""
    return table("Terminals and their numbers", heads, rows, note=note, empty="No till traded.")


def _rejected(document: Document) -> str:
    rows = [
        [
            place(each),
            each["reason"],
            each["detail"],
            each["subscription"],
            "yes" if each["posted_later"] else "no",
        ]
        for each in document["rejected"]
    ]
    heads = ["Transaction", "Reason", "Explanation", "Put aside by", "Settled since"]
    return table("Rejected", heads, rows)


def _half_booked(document: Document) -> str:
    rows = [
        [
            place(each),
            ", ".join(effect(one["effect"], one["document"]) for one in each["booked"]),
            "; ".join(
                f"{one['effect']}: {one['reason']}. {one['detail']}" for one in each["refused"]
            ),
        ]
        for each in document["half_booked"]
    ]
    return table("Half-booked", ["Transaction", "Booked", "Refused"], rows)


def _taken_back(document: Document) -> str:
    rows = [
        [
            place(each),
            effect(each["effect"], each["document"]),
            f"{each['amount']} {each['currency']}",
            moment(each["posted_at"]),
        ]
        for each in document["taken_back"]
    ]
    return table("Taken back on order", ["Transaction", "Effect", "Amount", "When"], rows)


def _waived(document: Document) -> str:
    rows = [
        [place(each), each["effect"], each["why"], moment(each["waived_at"])]
        for each in document["waived"]
    ]
    return table("Waived", ["Transaction", "Refused effect", "Why it is not wanted", "When"], rows)


def _transactions(title: str, name: str) -> Callable[[Document], str]:
    def part(document: Document) -> str:
        rows = [
            [place(each), f"{each['amount']} {each['currency']}", str(each["fact_id"])]
            for each in document[name]
        ]
        return table(title, ["Transaction", "Amount", "Fact"], rows)

    return part


def _disagreements(document: Document) -> str:
    rows = [
        [
            place(each),
            f"{each['fact_amount']} {each['fact_currency']}",
            f"{each['document_amount']} {each['document_currency']}",
        ]
        for each in document["disagreements"]
    ]
    return table("Other amounts in the ledger", ["Transaction", "At the till", "Booked"], rows)


def _day(document: Document) -> str:
    opened, close = document["day_open"], document["day_close"]
    rows = [
        ["Opened", moment(opened["opened_at"]) if opened else "not announced"],
        ["Closed", moment(close["closed_at"]) if close else "not yet"],
    ]
    if close and close["revision"]:
        rows.append(["Revision of the close", str(close["revision"])])
    return table("The store's day", ["", ""], rows)


def _chain(document: Document) -> str:
    issued = document["issued"]
    rows = [["Content", document["hash"]]]
    if issued:
        rows += [
            ["This certificate", issued["hash"]],
            ["The one before it in the store's chain", named(issued["previous"])],
            ["The business day before", named(issued["day_before"])],
            ["Issued", moment(issued["issued_at"])],
            [
                "Place",
                f"number {issued['number']} of the store, revision {issued['revision']} of the day",
            ],
        ]
    note = "Not issued yet."
    if issued:
        note = (
            "SHA-256 of what is embedded in this page. Verify: tillbus certificate verify --files"
        )
    if issued and not issued["is_current"]:
        note = "The hashes are those of the certificate issued last; the ledger has changed since."
    return table("Chain", ["", ""], rows, note=note, kind="hashes")


_PARTS: Sequence[Callable[[Document], str]] = (
    _heading,
    _figures,
    _amounts,
    _tenders,
    _terminals,
    _rejected,
    _half_booked,
    _taken_back,
    _waived,
    _transactions("Without a document", "facts_without_document"),
    _transactions("Documents whose fact was not seen", "documents_without_fact"),
    _disagreements,
    _day,
    _chain,
)
"""The page from top to bottom."""
