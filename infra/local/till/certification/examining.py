"""Looks at one document: every reason for which it would be refused, and remarks on it.

`decode` stops at the first reason, and is the judge all the same: each attribute of the envelope is
tried in a good event, the data is read by its model, and what is then left is decoded once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from shared.events import (
    Event,
    Fact,
    InvalidEvent,
    Reason,
    SaleCompleted,
    SaleReturned,
    StoreDayOpened,
    decode,
    encode,
    fact_id,
    new_event,
)
from shared.events.unknown_fields import read_tolerantly
from shared.events.versions import UnknownType, bring_forward
from shared.tax import TaxRates, check

from .reading import Document
from .remarks import remarks_on
from .report import Finding, refusal

_ATTRIBUTES = ("specversion", "id", "type", "source", "time", "data")
_OF_THE_ENVELOPE = (Reason.NOT_A_CLOUD_EVENT, Reason.MISSING_ID)
_OWN_REASONS = {reason.value for reason in Reason}


@dataclass(slots=True)
class Examined:
    """What was found in a document; the event if it can be read once its envelope is corrected."""

    findings: list[Finding] = field(default_factory=list)
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines documents as of a moment and, where one is given, for a country's tax law."""

    now: datetime
    country: str
    rates: TaxRates

    def examine(self, document: Document) -> Examined:
        """Return everything found in a document taken alone."""
        examined = Examined()
        try:
            examined.event = decode(document.body)
        except InvalidEvent as error:
            _explain(document, error, examined)
        if examined.event is not None:
            examined.findings += self._lawful(examined.event, document.where)
            examined.findings += remarks_on(examined.event, document, self.now)
        return examined

    def _lawful(self, event: Event, where: str) -> Iterator[Finding]:
        if self.country and isinstance(event.data, SaleCompleted | SaleReturned):
            found = check(event.data, self.country, self.rates)
            if found is not None:
                yield refusal(found[0], where, found[1], event.subject)


def _explain(document: Document, refused: InvalidEvent, examined: Examined) -> None:
    """Find every reason for which a document is refused, not only the first."""
    where = document.where
    if refused.reason in (Reason.BODY_TOO_LARGE, Reason.INVALID_JSON):
        examined.findings.append(refusal(refused.reason, where, refused.detail))
        return
    envelope = from_json(document.body, allow_inf_nan=False)
    if not isinstance(envelope, dict):
        examined.findings.append(refusal(refused.reason, where, refused.detail))
        return
    problems = {name: _problem_of_attribute(envelope, name) for name in _ATTRIBUTES}
    wrong = {name: problem for name, problem in problems.items() if problem is not None}
    examined.findings += [refusal(each.reason, where, each.detail) for each in wrong.values()]
    fact = _fact(envelope, where, examined)
    if fact is None:
        return
    key = fact.natural_key()
    id_ = str(fact_id(envelope["type"], key, fact.fact_revision))
    examined.findings += _identity(envelope, id_, key, where)
    good = {name: _good_event()[name] for name in wrong}
    try:
        examined.event = decode(to_json({**envelope, **good, "id": id_, "subject": key}))
    except InvalidEvent as error:
        examined.findings.append(refusal(error.reason, where, error.detail, key))


def _problem_of_attribute(envelope: dict[str, Any], name: str) -> InvalidEvent | None:
    """Return what is wrong with one attribute, whatever the others are."""
    tried = {**_good_event(), name: envelope.get(name)}
    if name not in envelope:
        del tried[name]
    try:
        decode(json.dumps(tried).encode())
    except InvalidEvent as error:
        return error if error.reason in _OF_THE_ENVELOPE else None
    return None


@cache
def _good_event() -> dict[str, Any]:
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    fact = StoreDayOpened(
        company="gbrt", store="S1", business_day=date(2026, 3, 2), opened_at=moment
    )
    event: dict[str, Any] = json.loads(encode(new_event(fact, source="/tills", time=moment)))
    return event


def _fact(envelope: dict[str, Any], where: str, examined: Examined) -> Fact | None:
    """Return the fact in the data; None, with a finding per field, where it cannot be read."""
    type_, data = envelope.get("type"), envelope.get("data")
    if not isinstance(type_, str) or not type_ or not isinstance(data, dict):
        return None
    subject = envelope.get("subject")
    about = subject[:256] if isinstance(subject, str) else ""
    try:
        model, brought = bring_forward(type_, data)
        fact, _ = read_tolerantly(model, brought)
    except UnknownType as error:
        examined.findings.append(refusal(error.reason, where, f"type {type_[:256]}", about))
    except ValidationError as error:
        examined.findings += _problems(error, where, about)
    else:
        return fact
    return None


def _problems(error: ValidationError, where: str, about: str) -> Iterator[Finding]:
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        known = problem["type"] in _OWN_REASONS
        reason = Reason(problem["type"]) if known else Reason.INVALID_DATA
        place = ".".join(str(part) for part in problem["loc"])
        yield refusal(reason, where, f"{place}: {problem['msg']}".removeprefix(": "), about)


def _identity(envelope: dict[str, Any], id_: str, key: str, where: str) -> Iterator[Finding]:
    given = envelope.get("id")
    if isinstance(given, str) and given not in ("", id_):
        yield refusal(Reason.ID_MISMATCH, where, f"the id of this fact is {id_}", key)
    if envelope.get("subject", key) != key:
        yield refusal(Reason.ID_MISMATCH, where, f"the subject of this fact is {key}", key)
