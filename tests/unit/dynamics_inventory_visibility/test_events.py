"""Entries told apart by their id: repeated, halved and judged one by one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.dynamics import DynamicsError, Refused, SetUpWrong, TryLater
from shared.dynamics.inventory_visibility.events import ROUNDS, Events
from tests.unit.dynamics_inventory_visibility.service import done, service


def entries(number: int) -> list[dict[str, object]]:
    return [{"id": str(n)} for n in range(number)]


async def test_a_request_refused_as_a_whole_is_halved_until_the_bad_entry_stands_alone() -> None:
    sizes: list[int] = []

    def answer(path: str, body: Any) -> httpx.Response:
        sent = body if isinstance(body, list) else [body]
        sizes.append(len(sent))
        if any(entry["id"] == "5" for entry in sent):
            return httpx.Response(400, json={"message": "One of them is invalid."})
        answers = [done() for _ in sent]
        return httpx.Response(200, json=answers if isinstance(body, list) else answers[0])

    verdicts = await Events(service(answer), 512).send("onhand", entries(16))
    bad = [n for n, verdict in enumerate(verdicts) if isinstance(verdict, DynamicsError)]
    assert bad == [5]
    assert isinstance(verdicts[5], Refused)
    assert verdicts[5].message == "One of them is invalid."
    assert sizes == [16, 8, 4, 4, 2, 1, 1, 2, 8]


@pytest.mark.parametrize(
    "useless",
    [
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"message": "done"}),
        httpx.Response(200, json=["done", "done"]),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(500),
        httpx.Response(504),
    ],
)
async def test_an_answer_that_is_not_certain_is_asked_for_again(useless: httpx.Response) -> None:
    asked: list[Any] = []

    def answer(path: str, body: Any) -> httpx.Response:
        asked.append(body)
        return useless if len(asked) < ROUNDS else httpx.Response(200, json=[done(), done()])

    verdicts = await Events(service(answer), 512).send("onhand", entries(2))
    assert not any(isinstance(verdict, DynamicsError) for verdict in verdicts)
    assert asked == [entries(2)] * ROUNDS, "the same ids every time"


async def test_what_stays_uncertain_is_for_later() -> None:
    events = Events(service(lambda path, body: httpx.Response(500)), 512)
    assert all(isinstance(verdict, TryLater) for verdict in await events.send("onhand", entries(3)))


async def test_only_what_lost_a_race_goes_again() -> None:
    sent: list[list[str]] = []

    def answer(path: str, body: Any) -> httpx.Response:
        found = body if isinstance(body, list) else [body]
        sent.append([entry["id"] for entry in found])
        lost = {"processingStatus": "failed", "message": "An update conflict.", "statusCode": 409}
        answers = [lost if entry["id"] == "1" and len(sent) == 1 else done() for entry in found]
        return httpx.Response(200, json=answers if isinstance(body, list) else answers[0])

    verdicts = await Events(service(answer), 512).send("onhand", entries(3))
    assert not any(isinstance(verdict, DynamicsError) for verdict in verdicts)
    assert sent == [["0", "1", "2"], ["1"]]


async def test_a_set_up_that_is_wrong_ends_it_at_once() -> None:
    asked: list[str] = []

    def answer(path: str, body: Any) -> httpx.Response:
        asked.append(path)
        return httpx.Response(403, json={"message": "Not this environment."})

    verdicts = await Events(service(answer), 512).send("onhand", entries(3))
    assert all(isinstance(verdict, SetUpWrong) for verdict in verdicts)
    assert asked == ["onhand/bulk"]
