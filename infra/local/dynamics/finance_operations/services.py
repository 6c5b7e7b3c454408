"""Custom services: `POST /api/services/{group}/{service}/{operation}`.

Source: dynamics.md 1.1 (URL, JSON keyed by parameter name). The answer of an exception is [C].
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.local.dynamics.faults import WRITE_KINDS, FaultPlan
from infra.local.dynamics.odata.store import EntityStore

from .business_events import BusinessEvents
from .posting import Posting, Refusal

GROUP = "TillbusServices"
SERVICE = "TillbusPosting"
_PARAMETERS = ("document", "company", "number")


class CustomServices:
    def __init__(
        self,
        store: EntityStore,
        posting: Posting,
        events: BusinessEvents,
        faults: FaultPlan,
    ) -> None:
        self._store = store
        self._posting = posting
        self._events = events
        self._faults = faults
        self._operations: Mapping[str, Callable[[str, str, str], Mapping[str, object]]] = {
            "post": posting.post,
            "cancel": posting.cancel,
            "invoice": posting.invoice,
            "balance": posting.balance,
            "statement": posting.statement,
        }

    async def answer(self, request: Request) -> Response:
        """`{Success, Message, …}`: what the business logic refuses is an answer like any other."""
        path = request.path_params
        operation = self._operations.get(path["operation"])
        if (path["group"], path["service"]) != (GROUP, SERVICE) or operation is None:
            return Response(b"", 404)
        try:
            body = json.loads(await request.body() or b"{}")
            document, company, number = (str(body[name]) for name in _PARAMETERS)
        except (ValueError, KeyError, TypeError) as error:
            return _exception(400, f"Parameters are missing or malformed: {error}")
        fault = self._faults.take(WRITE_KINDS, "POST", request.url.path, company=company)
        if fault is not None:
            reason = "An update conflict occurred due to another user process."
            if fault.kind.value == "freeze":
                reason = "The period is closed."
            elif fault.kind.value == "refused-write":
                reason = "Update has been canceled."
            elif fault.kind.value == "deadlock":
                reason = "Deadlock, where one or more users have locked the table."
            return JSONResponse({"Success": False, "Message": reason})
        try:
            with self._store.transaction():
                done = operation(document, company, number)
        except Refusal as refusal:
            return JSONResponse({"Success": False, "Message": str(refusal)})
        events, self._posting.events = self._posting.events, []
        for event in events:
            self._events.raise_event(*event)
        return JSONResponse({"Success": True, "Message": "", **done})


def _exception(status: int, message: str) -> Response:
    document = {
        "Message": message,
        "ExceptionType": "ErrorException",
        "ActivityId": str(uuid.uuid4()),
    }
    return JSONResponse(document, status)
