"""Entries that the service tells apart by their `id`: sent in bulk, repeated until answered.

Inventory Visibility counts an id once ("If a resubmission occurs due to a service failure, this ID
is used to ensure the same event won't be counted twice", Microsoft), so after no certain answer the
same entries, with the same ids, go again; there is nothing to look up. For how long it remembers an
id, and that it does for reservations too, is not published ([U]).

    bulk -- answered one by one ----> each judged; at-once failures go again (bounded)
         -- no certain answer ------> the same again (bounded)
         -- refused as a whole -----> halves, down to single entries
         -- throttled, unreachable -> TryLater for all of it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from shared.dynamics.odata.errors import DynamicsError, Refused, TryLater
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.odata.requests import to_json
from shared.dynamics.ports.posting import Body, Booked, Failed, Posting
from shared.dynamics.service import Service, Uncertain

ROUNDS = 3

Answer = Mapping[str, Any]
Verdict = Answer | DynamicsError

_DONE = ("success", "partialsuccess")


class Events:
    def __init__(self, service: Service, bulk: int) -> None:
        self._service = service
        self._bulk = bulk

    async def send(
        self, path: str, entries: Sequence[Body], *, single: bool = True
    ) -> list[Verdict]:
        """Return what each entry was answered, in order; never raises for the service's failures.

        `path/bulk` takes a list; a single entry goes to `path` itself where there is one.
        """
        verdicts: dict[str, Verdict] = {}
        firsts: dict[str, Body] = {}
        for entry in entries:
            firsts.setdefault(str(entry["id"]), entry)
        distinct = list(firsts.values())
        for at in range(0, len(distinct), self._bulk):
            verdicts |= await self._settle(path, distinct[at : at + self._bulk], single)
        return [
            verdicts[str(entry["id"])]
            if firsts[str(entry["id"])] == entry
            else Refused(f"Another entry has the id {entry['id']} already.")
            for entry in entries
        ]

    async def _settle(self, path: str, entries: Sequence[Body], single: bool) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        waiting = list(entries)
        reason: DynamicsError = TryLater("Inventory Visibility gave no certain answer.")
        for _ in range(ROUNDS):
            if not waiting:
                break
            try:
                answers = await self._exchange(path, waiting, single)
            except Uncertain:
                continue
            except TryLater as error:
                reason = error
                if error.at_once:
                    continue
                break
            except Refused as error:
                verdicts |= await self._split(path, waiting, single, error)
                waiting = []
                break
            except DynamicsError as error:
                reason = error
                break
            judged = list(zip(waiting, map(self._judge, answers), strict=True))
            waiting = [entry for entry, verdict in judged if _again(verdict)]
            verdicts |= {str(entry["id"]): verdict for entry, verdict in judged}
        for entry in waiting:
            verdicts.setdefault(str(entry["id"]), reason)
        return verdicts

    async def _split(
        self, path: str, entries: Sequence[Body], single: bool, refusal: Refused
    ) -> dict[str, Verdict]:
        """One bad entry can refuse its whole request: halve until it stands alone."""
        if len(entries) == 1:
            return {str(entries[0]["id"]): refusal}
        middle = len(entries) // 2
        first = await self._settle(path, entries[:middle], single)
        return first | await self._settle(path, entries[middle:], single)

    async def _exchange(self, path: str, entries: Sequence[Body], single: bool) -> list[Answer]:
        """Return one answer per entry. Raises Uncertain, DynamicsError."""
        alone = single and len(entries) == 1
        try:
            content = to_json(entries[0] if alone else entries)
        except ValueError as error:
            raise Refused(str(error)) from error
        operation = Operation("POST", path if alone else f"{path}/bulk", content)
        response = await self._service.write(operation)
        try:
            found = json.loads(response.body, parse_float=Decimal)
        except ValueError as error:
            raise Uncertain("the answer is not JSON") from error
        answers = [found] if alone else found
        if not isinstance(answers, list) or len(answers) != len(entries):
            raise Uncertain("the answers are not as many as the entries")
        if not all(isinstance(answer, dict) for answer in answers):
            raise Uncertain("an answer is not an object")
        return answers

    def _judge(self, answer: Answer) -> Verdict:
        status = answer.get("statusCode", HTTPStatus.OK)
        done = str(answer.get("processingStatus", "success")).lower() in _DONE
        if done and isinstance(status, int) and 200 <= status < 300:
            return answer
        failed = status if isinstance(status, int) and status >= 300 else HTTPStatus.BAD_REQUEST
        return self._service.error(Response(failed, body=json.dumps(answer, default=str).encode()))


def _again(verdict: Verdict) -> bool:
    return isinstance(verdict, TryLater) and verdict.at_once


def postings(entries: Iterable[Body], verdicts: Iterable[Verdict]) -> list[Posting]:
    """Return what was booked, under the entries' own ids."""
    return [
        Failed(verdict)
        if isinstance(verdict, DynamicsError)
        else Booked(str(entry["id"]), already_there=False)
        for entry, verdict in zip(entries, verdicts, strict=True)
    ]
