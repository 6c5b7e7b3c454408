from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func
import pytest

from services.completeness import api, function_app, handlers, wiring
from shared.events import StoreDayOpened
from shared.store import DayFilter, MemoryLedger, StoreDay, StoreUnavailable

from .conftest import Collaborators, deliveries, document, sale
from .days import DAY, NOON, closing, transactions

ROUTE = {"company": "usrt", "store": "S1", "day": "2026-03-01"}


@pytest.fixture
async def witnessed(collaborators: Collaborators) -> Collaborators:
    day = transactions(["1.00", "2.50"])
    facts = [*map(sale, day), *map(document, day), closing(day)]
    await handlers.witness(deliveries(*facts), collaborators)
    return collaborators


async def _list(collaborators: Collaborators, **parameters: str) -> list[tuple[str, str]]:
    answer = await api.list_certificates(parameters, collaborators)
    assert answer.status == HTTPStatus.OK
    listed = json.loads(answer.body())["certificates"]
    return [(each["business_day"], each["verdict"]) for each in listed]


async def test_one_store_day_is_answered_with_amounts_as_strings(
    witnessed: Collaborators,
) -> None:
    answer = await api.get_certificate(ROUTE, witnessed)

    body = json.loads(answer.body())
    assert (answer.status, answer.content_type) == (HTTPStatus.OK, "application/json")
    assert body["verdict"] == "balanced"
    assert body["amounts"][0]["documents"] == "3.50"
    assert body["hash"].startswith("sha256:")


async def test_the_list_is_narrowed_by_company_store_and_days(witnessed: Collaborators) -> None:
    balanced = [("2026-03-01", "balanced")]

    assert await _list(witnessed) == balanced
    assert await _list(witnessed, company="usrt", store="S1", code="key") == balanced
    assert await _list(witnessed, **{"from": "2026-03-01", "to": "2026-03-01"}) == balanced
    assert await _list(witnessed, company="gbrt") == []
    assert await _list(witnessed, **{"from": "2026-03-02"}) == []


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({"from": "yesterday"}, "from must be a date such as 2026-03-31"),
        ({"to": "2026-W09-7"}, "to must be a date such as 2026-03-31"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from is later than to"),
        ({"shop": "S1"}, "there is no parameter shop; there are company, store, from, to"),
    ],
)
async def test_bad_parameters_are_answered_with_a_problem_document(
    witnessed: Collaborators, parameters: dict[str, str], detail: str
) -> None:
    answer = await api.list_certificates(parameters, witnessed)

    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.body()) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": detail,
    }


async def test_a_store_day_nobody_has_heard_of_is_not_found(witnessed: Collaborators) -> None:
    unheard = await api.get_certificate(ROUTE | {"store": "S9"}, witnessed)
    no_day = await api.get_certificate(ROUTE | {"day": "20260301"}, witnessed)

    assert unheard.status == HTTPStatus.NOT_FOUND
    assert unheard.document["detail"] == "nothing has been seen of store-day usrt/S9/2026-03-01"
    assert no_day.status == HTTPStatus.BAD_REQUEST


class _Down(MemoryLedger):
    async def days(self, wanted: DayFilter) -> list[StoreDay]:
        raise StoreUnavailable("connection refused by secret-host")


async def test_while_the_store_is_down_the_caller_is_told_to_come_back() -> None:
    answer = await api.list_certificates({}, Collaborators(_Down(), lambda: NOON))

    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.headers == {"Retry-After": "10"}
    assert "secret-host" not in answer.body()


async def test_too_many_store_days_at_once_are_refused(
    witnessed: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_DAYS", 0)

    answer = await api.list_certificates({}, witnessed)

    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "1 store-days match, at most 0" in answer.body()


async def test_the_http_functions_answer_as_the_host_asks(
    witnessed: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wired() -> Any:
        return witnessed

    monkeypatch.setattr(wiring, "collaborators", wired)
    one = await _called("get_certificate", ROUTE)
    listed = await _called("list_certificates", {})

    assert (one.status_code, one.mimetype) == (200, "application/json")
    assert json.loads(one.get_body())["company"] == DAY.company
    assert json.loads(listed.get_body())["rejected_without_store_day"] == []


async def _called(name: str, route: dict[str, str], accept: str = "*/*") -> func.HttpResponse:
    request = func.HttpRequest(
        method="GET",
        url="/api/certificates",
        headers={"Accept": accept},
        params={},
        route_params=route,
        body=b"",
    )
    # The decorator leaves a builder under the name; the host calls the function inside it.
    builder = getattr(function_app, name)
    response = await builder._function.get_user_function()(request)
    assert isinstance(response, func.HttpResponse)
    return response


async def test_a_certificate_is_answered_as_it_was_issued_once_it_is(
    witnessed: Collaborators,
) -> None:
    as_issued = ROUTE | {"as": "issued"}
    before = await api.get_certificate(as_issued, witnessed)
    await handlers.evaluate(witnessed)
    issued = await api.get_certificate(as_issued, witnessed)
    now = await api.get_certificate(ROUTE, witnessed)

    assert before.status == HTTPStatus.NOT_FOUND
    assert "no certificate of store-day usrt/S1/2026-03-01 is issued yet" in before.body()
    assert issued.document == now.document
    assert issued.document["issued"]["revision"] == 1
    assert issued.document["issued"]["is_current"]


async def test_what_has_changed_since_it_was_issued_says_so(witnessed: Collaborators) -> None:
    await handlers.evaluate(witnessed)
    late = transactions(["1.00", "2.50", "4.00"])[2]
    await handlers.witness(deliveries(sale(late)), witnessed)

    now = (await api.get_certificate(ROUTE, witnessed)).document
    issued = (await api.get_certificate(ROUTE | {"as": "issued"}, witnessed)).document

    assert (now["verdict"], now["issued"]["verdict"]) == ("incomplete", "balanced")
    assert not now["issued"]["is_current"]
    assert (issued["verdict"], issued["issued"]["is_current"]) == ("balanced", True)


async def test_a_choice_there_is_not_is_a_bad_request(witnessed: Collaborators) -> None:
    for wrong in ({"as": "wished"}, {"format": "pdf"}):
        answer = await api.get_certificate(ROUTE | wrong, witnessed)

        assert answer.status == HTTPStatus.BAD_REQUEST
        assert "must be one of" in answer.body()


async def test_a_browser_gets_the_page_and_a_program_the_document(
    witnessed: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wired() -> Any:
        return witnessed

    monkeypatch.setattr(wiring, "collaborators", wired)
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    page = await _called("get_certificate", ROUTE, accept=browser)
    program = await _called("get_certificate", ROUTE, accept="application/json, text/html")
    halves = await _called("list_half_booked", {})

    assert page.mimetype == "text/html"
    assert page.get_body().startswith(b"<!doctype html>")
    assert program.mimetype == "application/json"
    assert json.loads(halves.get_body()) == {"half_booked": []}


async def test_days_between_a_stores_days_of_which_nobody_spoke_are_listed(
    witnessed: Collaborators,
) -> None:
    later = closing([]).model_copy(update={"business_day": DAY.business_day.replace(day=5)})
    await handlers.witness(deliveries(later), witnessed)

    answer = await api.list_certificates({}, witnessed)

    assert answer.document["days_without_anything"] == [
        {"company": "usrt", "store": "S1", "first": "2026-03-02", "last": "2026-03-04"}
    ]


async def test_a_day_that_opened_and_has_shown_nothing_is_visible(
    collaborators: Collaborators,
) -> None:
    opened = StoreDayOpened(
        company="usrt",
        store="S1",
        business_day=DAY.business_day,
        opened_at=NOON,
        terminals=("T1", "T2"),
    )
    await handlers.witness(deliveries(opened), collaborators)

    document = (await api.get_certificate(ROUTE, collaborators)).document

    assert document["verdict"] == "open"
    assert document["reasons"] == [
        "the store has not closed the day yet, open since 2026-03-01 12:00 UTC",
        "nothing was seen of 2 opened terminals: T1, T2",
    ]
    assert document["issued"] is None
