"""Business events: activated per event and company for an endpoint, then told with three retries.

Source: dynamics.md 1.6 and the samples in payloads/fo. Activation is a form in the product, here a
page of ours; it sends the test message the endpoint must accept.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.clock import Clock
from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.problems import Problem
from infra.local.dynamics.webhooks import HandshakeFailed, Subscription, Webhooks
from infra.local.dynamics.webhooks.policies import BUSINESS_EVENT

from .rows import Rows

PRODUCT = "finance-operations"
TEST_EVENT = "BusinessEventsTestEndpointContract"
MAX_ENDPOINTS = 10
"""Endpoints of one event in one company."""

_FIRST_CONTROL_NUMBER = 5_637_144_576


class BusinessEvents:
    def __init__(self, store: EntityStore, webhooks: Webhooks, clock: Clock) -> None:
        self._store = store
        self._rows = Rows(store)
        self._webhooks = webhooks
        self._clock = clock

    def raise_event(self, event: str, company: str, fields: Mapping[str, object]) -> None:
        """To be called after what it tells is stored."""
        body = {**self._envelope(event, company), **fields}
        self._webhooks.publish(PRODUCT, _topic(event, company), event, "raised", body)

    def routes(self) -> list[BaseRoute]:
        return [Route("/_simulator/business-events", self._activate, methods=["POST"])]

    async def _activate(self, request: Request) -> Response:
        """`{event, company, endpoint}` -> `{id}`; 409 when the endpoint refuses the test."""
        try:
            wanted = json.loads(await request.body())
            event, company, endpoint = (
                str(wanted[name]) for name in ("event", "company", "endpoint")
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(400, "the body needs event, company and endpoint") from error
        topic = _topic(event, company)
        same = [each for each in self._webhooks.subscriptions(PRODUCT) if each.topic == topic]
        if len(same) >= MAX_ENDPOINTS:
            raise Problem(409, f"the event has {MAX_ENDPOINTS} endpoints in {company}")
        identifier = str(uuid.uuid4())
        subscription = Subscription(PRODUCT, identifier, topic, endpoint, BUSINESS_EVENT)
        try:
            await self._webhooks.shake_hands(subscription, self._envelope(TEST_EVENT, company))
        except HandshakeFailed as error:
            raise Problem(409, f"the endpoint did not take the test message: {error}") from error
        self._webhooks.subscribe(subscription)
        return JSONResponse({"id": identifier}, 201)

    def _envelope(self, event: str, company: str) -> dict[str, object]:
        now = self._clock()
        with self._store.transaction():
            number = self._rows.next_number("", "ControlNumber")
        return {
            "BusinessEventId": event,
            "BusinessEventLegalEntity": company.upper(),
            "ContextRecordSubject": "",
            # It grows with gaps, as record ids do.
            "ControlNumber": _FIRST_CONTROL_NUMBER + number * 3,
            "EventId": str(uuid.uuid4()).upper(),
            "EventTime": f"/Date({int(now.timestamp() * 1000)})/",
            "EventTimeIso8601": now.isoformat().replace("+00:00", "Z"),
            "InitiatingUserAADObjectId": f"{{{uuid.uuid4()}}}".upper(),
            "MajorVersion": 0,
            "MinorVersion": 0,
            "ParentContextRecordSubjects": [],
        }


def _topic(event: str, company: str) -> str:
    return f"{event}/{company.lower()}"
