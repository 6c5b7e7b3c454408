from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from shared.certificates import certificate_page

DOCUMENT: dict[str, Any] = {
    "company": "usrt",
    "store": "S1",
    "business_day": "2026-03-01",
    "verdict": "incomplete",
    "reasons": ["terminal T1: no fact for sequence 3"],
    "facts_seen": 2,
    "documents_posted": 1,
    "missing_sequences": 1,
    "amounts": [{"currency": "USD", "facts": "3.50", "documents": "1.00", "difference": "-2.50"}],
    "tenders": [
        {
            "type": "cash", "currency": "USD", "taken": "3.50", "moved": "100.00",
            "z_total": "3.50", "declared": "103.00", "expected": "103.50", "over_short": "-0.50",
        },
        {
            "type": "card", "currency": "USD", "taken": "0.00", "moved": "0.00",
            "z_total": None, "declared": None, "expected": None, "over_short": None,
        },
    ],
    "terminals": [
        {
            "terminal": "T1", "first": 4711, "last": 3,
            "runs": [{"first": 4711, "last": 4711}, {"first": 1, "last": 3}],
            "missing": [{"first": 3, "last": 3}], "repeated": [], "facts": 3,
            "transactions": {"sale": 2, "training": 1}, "documents": 1, "rejected": 1,
        }
    ],
    "rejected": [
        {
            "terminal": "T1", "sequence": 2, "fact_id": None, "subscription": "sales",
            "reason": "card-number", "detail": "<script>alert('x')</script>",
            "rejected_at": "2026-03-01T12:00:00Z", "posted_later": False,
        }
    ],
    "facts_without_document": [],
    "documents_without_fact": [],
    "disagreements": [],
    "half_booked": [
        {
            "terminal": "T1", "sequence": 1, "fact_id": "1",
            "booked": [{"effect": "ledger", "document": "K1", "posted_at": "2026-03-01T12:00:00Z"}],
            "refused": [
                {
                    "effect": "points", "subscription": "customers",
                    "reason": "master-data-missing", "detail": "no such card",
                    "rejected_at": "2026-03-01T12:00:00Z",
                }
            ],
        }
    ],
    "taken_back": [],
    "waived": [],
    "day_open": None,
    "day_close": {
        "revision": 0, "closed_at": "2026-03-01T20:00:00Z", "currency": "USD", "total": "3.50"
    },
    "hash": "sha256:" + "a" * 64,
    "issued": None,
}  # fmt: skip


class _Page(HTMLParser):
    """What a reader sees, and what the page would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attributes if name in {"src", "href"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text.append(text)


def test_an_auditor_finds_verdict_reasons_amounts_and_what_is_wrong() -> None:
    text = _Page(certificate_page(DOCUMENT)).text

    for words in (
        "Incomplete",
        "terminal T1: no fact for sequence 3",
        "-2.50",
        "-0.50",
        "4711, 1\u2060–\u20603",
        "2 × sale, 1 × training",
        "ledger (K1)",
        "points: master-data-missing. no such card",
        "2026-03-01 20:00:00 UTC",
        "Not issued yet.",
    ):
        assert words in text


def test_the_page_is_one_file_of_well_formed_html() -> None:
    page = _Page(certificate_page(DOCUMENT))

    assert page.open == []
    assert page.loaded == []
    assert "url(" not in certificate_page(DOCUMENT)


def test_texts_from_elsewhere_cannot_become_part_of_the_page() -> None:
    page = _Page(certificate_page(DOCUMENT))

    assert "<script>alert('x')</script>" in page.text
    assert page.tags.count("script") == 1


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "-->", "&lt;", "\u2028'\""])
def test_the_document_can_be_taken_out_of_the_page_again(text: str) -> None:
    document = {**DOCUMENT, "reasons": [text]}

    embedded = re.search(r'id="certificate">(.*?)</script>', certificate_page(document), re.DOTALL)

    assert embedded
    assert json.loads(embedded[1]) == document


def test_a_day_on_which_all_is_well_shows_no_empty_lists() -> None:
    lists = [name for name, value in DOCUMENT.items() if isinstance(value, list)]
    document = DOCUMENT | {name: [] for name in lists} | {"verdict": "balanced"}

    text = _Page(certificate_page(document)).text

    assert "Balanced" in text
    assert "No till traded." in text
    assert "Taken back on order" not in text
    assert text.count("Rejected") == 1  # the figure, not the list
