"""What a certification finds: rules, findings, and the whole report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from shared.events import Reason

Rule = Literal[
    "envelope",
    "version",
    "size",
    "fields",
    "amounts",
    "card-numbers",
    "identity",
    "tax",
    "repetitions",
    "sequences",
    "returns",
    "day-close",
    "clocks",
    "personal-data",
]

RULES: Mapping[Rule, str] = MappingProxyType(
    {
        "envelope": "a CloudEvents 1.0 event in structured JSON",
        "version": "type and version are known",
        "size": "fits a Service Bus message",
        "fields": "every field is there and has its form",
        "amounts": "lines, discounts, taxes, tenders and total add up",
        "card-numbers": "no text holds a payment card number",
        "identity": "id and subject follow from type, key and revision",
        "tax": "rates in force, rounding and invoice fields of the country",
        "repetitions": "one id, one content",
        "sequences": "every number of a terminal's day, once, in time order",
        "returns": "nothing comes back that was not sold",
        "day-close": "the close is what the transactions add up to",
        "clocks": "facts are published after they happened, late ones in their lane",
        "personal-data": "free text says nothing of a person",
    }
)

RULE_OF_REASON: Mapping[Reason, Rule] = MappingProxyType(
    {
        Reason.INVALID_JSON: "envelope",
        Reason.NOT_A_CLOUD_EVENT: "envelope",
        Reason.MISSING_ID: "envelope",
        Reason.UNKNOWN_TYPE: "version",
        Reason.UNKNOWN_VERSION: "version",
        Reason.BODY_TOO_LARGE: "size",
        Reason.INVALID_DATA: "fields",
        Reason.UNKNOWN_CURRENCY: "fields",
        Reason.AMOUNTS_DO_NOT_ADD_UP: "amounts",
        Reason.CARD_NUMBER: "card-numbers",
        Reason.ID_MISMATCH: "identity",
        Reason.TAX_RATE_NOT_IN_FORCE: "tax",
        Reason.TAX_WRONGLY_ROUNDED: "tax",
        Reason.TAX_INVOICE_INCOMPLETE: "tax",
        Reason.DOCUMENT_DIFFERS: "repetitions",
        Reason.RETURNS_MORE_THAN_SOLD: "returns",
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that would be refused, or that a person should look at."""

    rule: Rule
    where: str
    """File and line, or file and position in its array."""
    detail: str
    """A sentence; it never quotes what stands in a field of a person."""
    reason: Reason | None = None
    """Why it would be refused; None for a remark."""
    subject: str = ""
    """The fact's natural key, where it could be read."""


def refusal(reason: Reason, where: str, detail: str, subject: str = "") -> Finding:
    """Return the finding of something that would be refused."""
    return Finding(RULE_OF_REASON[reason], where, detail, reason, subject)


@dataclass(slots=True)
class Report:
    """Everything found in some files."""

    country: str = ""
    files: int = 0
    documents: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def refused(self) -> list[Finding]:
        """Return what would be refused."""
        return [each for each in self.findings if each.reason is not None]

    @property
    def remarks(self) -> list[Finding]:
        """Return what would be accepted and should be looked at."""
        return [each for each in self.findings if each.reason is None]

    @property
    def documents_refused(self) -> int:
        """Return how many documents would be refused."""
        return len({each.where for each in self.refused})

    @property
    def passed(self) -> bool:
        """Whether there was something, and nothing of it would be refused."""
        return self.documents > 0 and not self.refused

    def of(self, rule: Rule) -> list[Finding]:
        """Return the findings under one rule, refusals first."""
        found = [each for each in self.findings if each.rule == rule]
        return sorted(found, key=lambda each: each.reason is None)

    def reasons(self) -> list[Reason]:
        """Return the reasons found, each once, in the order of the catalogue."""
        found = {each.reason for each in self.findings}
        return [reason for reason in Reason if reason in found]
