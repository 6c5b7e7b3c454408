"""Certificates over HTTP, without azure.functions: parameters in, an `Answer` out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from http import HTTPStatus
from typing import Any

from services.completeness.certify import certify
from shared.store.errors import StoreUnavailable
from shared.store.ledger import DayEntries, DayFilter, Ledger, Rejection, StoreDay

_log = logging.getLogger("tillbus.completeness")

MAX_DAYS = 5_000
"""Store-days in one answer: about 5 MB of JSON."""

_MAX_REJECTIONS = 100
_PARAMETERS = {"company": "company", "store": "store", "from": "first_day", "to": "last_day"}
_KEYS = {"code"}  # the Functions host's own: an access key may come as a query parameter


@dataclass(frozen=True)
class Answer:
    """A JSON document with its status."""

    status: HTTPStatus
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        return (
            "application/json"
            if self.status < HTTPStatus.BAD_REQUEST
            else "application/problem+json"
        )

    def body(self) -> str:
        return json.dumps(self.document, ensure_ascii=False)


class _Problem(Exception):
    """RFC 9457: what the caller asked cannot be answered as asked."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def _problem(status: HTTPStatus, detail: str, **headers: str) -> Answer:
    """Return a problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return Answer(status, document, headers)


Question = Callable[[Mapping[str, str], Ledger], Awaitable[Answer]]


def _problems_answered(question: Question) -> Question:
    @wraps(question)
    async def answered(parameters: Mapping[str, str], ledger: Ledger) -> Answer:
        try:
            return await question(parameters, ledger)
        except _Problem as problem:
            return _problem(problem.status, str(problem))
        except StoreUnavailable as error:
            _log.error("No certificates, the store is unavailable: %s", error)
            return store_unavailable()

    return answered


def store_unavailable() -> Answer:
    """Return the answer while the database cannot be reached."""
    detail = "the store is not available at the moment"
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": "10"})


@_problems_answered
async def list_certificates(parameters: Mapping[str, str], ledger: Ledger) -> Answer:
    """Answer `company`, `store`, `from`, `to` (all optional, dates inclusive) with certificates.

    Sorted by company, store and day. Beside them the latest rejections that no store-day can
    account for, since their messages did not say where they came from.
    """
    days = await ledger.days(_filter(parameters))
    if len(days) > MAX_DAYS:
        raise _Problem(
            HTTPStatus.BAD_REQUEST,
            f"{len(days)} store-days match, at most {MAX_DAYS} are answered at once; "
            "narrow them by company, store, from or to",
        )
    certificates = await asyncio.to_thread(_documents, await ledger.entries(days))
    unplaced = await ledger.rejections_without_key(_MAX_REJECTIONS)
    return Answer(
        HTTPStatus.OK,
        {
            "certificates": certificates,
            "rejected_without_store_day": [_unplaced(each) for each in unplaced],
        },
    )


@_problems_answered
async def get_certificate(parameters: Mapping[str, str], ledger: Ledger) -> Answer:
    """Answer `company`, `store` and `day` of the route with that store-day's certificate."""
    day = StoreDay(parameters["company"], parameters["store"], _date("day", parameters["day"]))
    for document in await asyncio.to_thread(_documents, await ledger.entries([day])):
        return Answer(HTTPStatus.OK, document)
    raise _Problem(HTTPStatus.NOT_FOUND, f"nothing has been seen of store-day {day}")


def _documents(days: Sequence[DayEntries]) -> list[dict[str, Any]]:
    return [certify(each.day, each.entries).document() for each in days]


def _filter(parameters: Mapping[str, str]) -> DayFilter:
    unknown = parameters.keys() - _PARAMETERS.keys() - _KEYS
    if unknown:
        raise _Problem(
            HTTPStatus.BAD_REQUEST,
            f"there is no parameter {', '.join(sorted(unknown))}; "
            f"there are {', '.join(_PARAMETERS)}",
        )
    given: dict[str, Any] = {}
    for name, text in parameters.items():
        if name in _PARAMETERS:
            given[_PARAMETERS[name]] = _date(name, text) if name in {"from", "to"} else text
    wanted = DayFilter(**given)
    if wanted.first_day and wanted.last_day and wanted.last_day < wanted.first_day:
        raise _Problem(HTTPStatus.BAD_REQUEST, "from is later than to")
    return wanted


def _date(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also takes week dates and dates without hyphens, which nobody means here.
    if day is None or day.isoformat() != text:
        raise _Problem(HTTPStatus.BAD_REQUEST, f"{name} must be a date such as 2026-03-31")
    return day


def _unplaced(rejection: Rejection) -> dict[str, str]:
    return {
        "identity": rejection.identity,
        "subscription": rejection.subscription,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "rejected_at": rejection.rejected_at.isoformat(),
    }
