"""Certificates over HTTP, without azure.functions: parameters in, an `Answer` out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import wraps
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Protocol

from services.completeness.certify import certify, half_booked
from services.completeness.issuing import current_document, issued_document
from shared.certificates import certificate_page
from shared.store.certificates import Certificates, IssuedCertificate
from shared.store.effects import FactEffects
from shared.store.errors import StoreUnavailable
from shared.store.ledger import DayEntries, DayFilter, Ledger, Rejection, StoreDay

_log = logging.getLogger("tillbus.completeness")

MAX_DAYS = 5_000
"""Store-days in one answer: about 5 MB of JSON."""

MAX_HALF_BOOKED = 1_000

_MAX_REJECTIONS = 100
_ONE_DAY = timedelta(days=1)
_PARAMETERS = {"company": "company", "store": "store", "from": "first_day", "to": "last_day"}
_KEYS = {"code"}  # the Functions host's own: an access key may come as a query parameter


@dataclass(frozen=True)
class Answer:
    """A JSON document with its status, or a page made of it."""

    status: HTTPStatus
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None

    @property
    def content_type(self) -> str:
        if self.page is not None:
            return "text/html"
        return (
            "application/json"
            if self.status < HTTPStatus.BAD_REQUEST
            else "application/problem+json"
        )

    def body(self) -> str:
        if self.page is not None:
            return self.page
        return json.dumps(self.document, ensure_ascii=False)


class Books(Protocol):
    """What the questions are answered from."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def certificates(self) -> Certificates: ...


class _Problem(Exception):
    """RFC 9457: what the caller asked cannot be answered as asked."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def _problem(status: HTTPStatus, detail: str, **headers: str) -> Answer:
    """Return a problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return Answer(status, document, headers)


Parameters = Mapping[str, str]
Question = Callable[[Parameters, Books], Awaitable[Answer]]


def _problems_answered(question: Question) -> Question:
    @wraps(question)
    async def answered(parameters: Parameters, books: Books) -> Answer:
        try:
            return await question(parameters, books)
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
async def list_certificates(parameters: Parameters, books: Books) -> Answer:
    """Answer `company`, `store`, `from`, `to` (all optional, dates inclusive) with certificates.

    Sorted by company, store and day. Beside them the latest rejections that no store-day can
    account for, since their messages did not say where they came from, and the days between a
    store's first and last of which nobody has said anything.
    """
    days = await books.ledger.days(_filter(parameters))
    if len(days) > MAX_DAYS:
        raise _Problem(
            HTTPStatus.BAD_REQUEST,
            f"{len(days)} store-days match, at most {MAX_DAYS} are answered at once; "
            "narrow them by company, store, from or to",
        )
    issued = await books.certificates.latest(days)
    entries = await books.ledger.entries(days)
    unplaced = await books.ledger.rejections_without_key(_MAX_REJECTIONS)
    return Answer(
        HTTPStatus.OK,
        {
            "certificates": await asyncio.to_thread(_documents, entries, issued),
            "rejected_without_store_day": [_unplaced(each) for each in unplaced],
            "days_without_anything": silent_days(days),
        },
    )


@_problems_answered
async def get_certificate(parameters: Parameters, books: Books) -> Answer:
    """Answer `company`, `store` and `day` of the route with that store-day's certificate.

    As it would be issued now; with `as` = `issued`, as it was issued last. `format` = `html` makes
    it a page.
    """
    day = StoreDay(parameters["company"], parameters["store"], _date("day", parameters["day"]))
    issued = await books.certificates.latest([day])
    if _choice(parameters, "as", ("now", "issued")) == "issued":
        if day not in issued:
            raise _Problem(HTTPStatus.NOT_FOUND, f"no certificate of store-day {day} is issued yet")
        document = issued_document(issued[day])
    else:
        found = _documents(await books.ledger.entries([day]), issued)
        if not found:
            raise _Problem(HTTPStatus.NOT_FOUND, f"nothing has been seen of store-day {day}")
        [document] = found
    wants_page = _choice(parameters, "format", ("json", "html")) == "html"
    return Answer(HTTPStatus.OK, document, page=certificate_page(document) if wants_page else None)


@_problems_answered
async def list_half_booked(parameters: Parameters, books: Books) -> Answer:
    """Answer the list's parameters with facts that are booked in one place, refused in another."""
    found = await books.ledger.half_booked(_filter(parameters), MAX_HALF_BOOKED)
    return Answer(HTTPStatus.OK, {"half_booked": [_half(each) for each in found]})


def _half(effects: FactEffects) -> dict[str, Any]:
    key = effects.key
    place = key.model_dump(mode="json") if key else None
    half = half_booked(effects).model_dump(mode="json", exclude={"terminal", "sequence"})
    return {"fact_type": effects.fact_type, "key": place, **half}


def _documents(
    days: Sequence[DayEntries], issued: Mapping[StoreDay, IssuedCertificate]
) -> list[dict[str, Any]]:
    return [
        current_document(certify(each.day, each.entries), issued.get(each.day)) for each in days
    ]


def silent_days(days: Sequence[StoreDay]) -> list[dict[str, str]]:
    """Return what lies between a store's days and is none of them, as ranges; `days` are sorted."""
    return [
        {
            "company": before.company,
            "store": before.store,
            "first": (before.business_day + _ONE_DAY).isoformat(),
            "last": (after.business_day - _ONE_DAY).isoformat(),
        }
        for before, after in pairwise(days)
        if (before.company, before.store) == (after.company, after.store)
        and after.business_day - before.business_day > _ONE_DAY
    ]


def prefers_page(accept: str) -> bool:
    """Whether an Accept header names HTML before JSON, as browsers' do (RFC 9110, 12.5.1)."""
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    places = {name: place for place, name in reversed(list(enumerate(named)))}
    return places.get("text/html", len(named)) < places.get("application/json", len(named))


def _choice(parameters: Parameters, name: str, choices: Sequence[str]) -> str:
    """Return the parameter, by default the first of the choices."""
    given = parameters.get(name, choices[0])
    if given not in choices:
        raise _Problem(HTTPStatus.BAD_REQUEST, f"{name} must be one of {', '.join(choices)}")
    return given


def _filter(parameters: Parameters) -> DayFilter:
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
        "effect": rejection.effect,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "rejected_at": rejection.rejected_at.isoformat(),
    }
