"""The one catalogue of reasons for which an event ends in a dead-letter queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Why no redelivery can help; the value is the dead-letter reason an operator reads."""

    INVALID_JSON = "invalid-json"
    NOT_A_CLOUD_EVENT = "not-a-cloud-event"
    UNKNOWN_TYPE = "unknown-type"
    UNKNOWN_VERSION = "unknown-version"
    INVALID_DATA = "invalid-data"
    AMOUNTS_DO_NOT_ADD_UP = "amounts-do-not-add-up"
    CARD_NUMBER = "card-number"
    ID_MISMATCH = "id-mismatch"
    MISSING_ID = "missing-id"
    BODY_TOO_LARGE = "body-too-large"
    UNKNOWN_COMPANY = "unknown-company"
    UNKNOWN_CURRENCY = "unknown-currency"
    REFUSED_BY_DYNAMICS = "refused-by-dynamics"
    DOCUMENT_DIFFERS = "document-differs"
    TAX_RATE_NOT_IN_FORCE = "tax-rate-not-in-force"
    TAX_WRONGLY_ROUNDED = "tax-wrongly-rounded"
    TAX_INVOICE_INCOMPLETE = "tax-invoice-incomplete"
    RETURNS_MORE_THAN_SOLD = "returns-more-than-sold"
    NOT_BOOKABLE_HERE = "not-bookable-here"
    MASTER_DATA_MISSING = "master-data-missing"
    NOT_REVERSIBLE = "not-reversible"
    ATTEMPTS_EXHAUSTED = "attempts-exhausted"


@dataclass(frozen=True, slots=True)
class ReasonHelp:
    """What an operator is told about one reason."""

    meaning: str
    whose_job: str
    what_to_do: str


_PUBLISHER = "the team of the till or shop that published it"
_FINANCE = "retail finance together with the Dynamics administrator"
_ADMINISTRATOR = "the Dynamics administrator"
_OPERATOR = "the operator of the integration"

REASONS: Mapping[Reason, ReasonHelp] = MappingProxyType(
    {
        Reason.INVALID_JSON: ReasonHelp(
            "The message body is not UTF-8 JSON.",
            _PUBLISHER,
            "Correct the publisher and let it publish the fact again.",
        ),
        Reason.NOT_A_CLOUD_EVENT: ReasonHelp(
            "The body is JSON but not a structured CloudEvents 1.0 event with all attributes.",
            _PUBLISHER,
            "Publish with specversion, id, type, source, time and data (shared/events).",
        ),
        Reason.UNKNOWN_TYPE: ReasonHelp(
            "The event type names a fact nobody here knows.",
            _PUBLISHER,
            "Check the spelling of the type and the topic it was published to.",
        ),
        Reason.UNKNOWN_VERSION: ReasonHelp(
            "The fact is known, this version of it is not: its publisher is newer or far older.",
            _OPERATOR,
            "Deploy the services that know the version, then replay the dead letters.",
        ),
        Reason.INVALID_DATA: ReasonHelp(
            "A field is missing or breaks its constraint; the description names the field.",
            _PUBLISHER,
            "Correct the field at its source and publish the fact again.",
        ),
        Reason.AMOUNTS_DO_NOT_ADD_UP: ReasonHelp(
            "Lines, discounts, taxes, tenders and total of the transaction contradict each other.",
            _PUBLISHER,
            "Find the amount named in the description in the till's journal; publish a correction.",
        ),
        Reason.CARD_NUMBER: ReasonHelp(
            "A text field holds what looks like a payment card number.",
            _PUBLISHER,
            "Stop the till from writing card numbers; delete the dead letter once understood.",
        ),
        Reason.ID_MISMATCH: ReasonHelp(
            "Id or subject do not belong to the transaction in the data.",
            _PUBLISHER,
            "Derive the id from type, natural key and revision as shared/events does.",
        ),
        Reason.MISSING_ID: ReasonHelp(
            "The event has no id, so a repetition could not be recognised.",
            _PUBLISHER,
            "Publish again with the id derived from type, natural key and revision.",
        ),
        Reason.BODY_TOO_LARGE: ReasonHelp(
            "The body is larger than any transaction the contracts allow.",
            _PUBLISHER,
            "Split the transaction or find out what filled it.",
        ),
        Reason.UNKNOWN_COMPANY: ReasonHelp(
            "The company does not exist in Dynamics or is not configured here.",
            _ADMINISTRATOR,
            "Set up the company or correct the store's configuration, then replay.",
        ),
        Reason.UNKNOWN_CURRENCY: ReasonHelp(
            "A currency code is not in ISO 4217.",
            _PUBLISHER,
            "Correct the currency of the store or tender and publish again.",
        ),
        Reason.REFUSED_BY_DYNAMICS: ReasonHelp(
            "Dynamics refused the document for a business rule; the description is its message.",
            _ADMINISTRATOR,
            "Correct the set-up or master data Dynamics names, then replay.",
        ),
        Reason.DOCUMENT_DIFFERS: ReasonHelp(
            "Dynamics already holds a document under this key with other content.",
            _FINANCE,
            "Compare both; correct the wrong one by a return or a revision.",
        ),
        Reason.TAX_RATE_NOT_IN_FORCE: ReasonHelp(
            "A line is taxed at a rate that was not in force in its country on that day.",
            _PUBLISHER,
            "Correct the till's tax table, or the dated rates in TAX_RATES, then replay.",
        ),
        Reason.TAX_WRONGLY_ROUNDED: ReasonHelp(
            "The tax of a line is not its rate applied and rounded as the country's law says.",
            _PUBLISHER,
            "Correct the till's tax computation; publish a correction of the transaction.",
        ),
        Reason.TAX_INVOICE_INCOMPLETE: ReasonHelp(
            "The country asks for fields of a tax invoice that the transaction does not have.",
            _PUBLISHER,
            "Let the till send the fields the description names; publish a correction.",
        ),
        Reason.RETURNS_MORE_THAN_SOLD: ReasonHelp(
            "More comes back of a sold line than was sold and has not come back already.",
            _FINANCE,
            "Compare the returns of that sale; correct the wrong one at the till.",
        ),
        Reason.NOT_BOOKABLE_HERE: ReasonHelp(
            "The system that keeps this company's books has no document for such a fact.",
            _ADMINISTRATOR,
            "Book it by hand, or configure another system for it in COMPANIES, then replay.",
        ),
        Reason.MASTER_DATA_MISSING: ReasonHelp(
            "The record the fact waited for did not come to exist before its deadline.",
            _ADMINISTRATOR,
            "Create the record the description names in Dynamics, then replay.",
        ),
        Reason.NOT_REVERSIBLE: ReasonHelp(
            "The effect to be taken back is not booked, or cannot be undone by a document.",
            _OPERATOR,
            "Look the fact up in the half-booked list; take the effect back by hand in Dynamics.",
        ),
        Reason.ATTEMPTS_EXHAUSTED: ReasonHelp(
            "Every attempt failed, for as long as it is tried, for causes expected to pass.",
            _OPERATOR,
            "Read the history in the description; once the cause is gone, replay.",
        ),
    }
)
