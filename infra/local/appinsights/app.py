"""HTTP face of the local Application Insights: ingestion as Azure's, queries of our own."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.appinsights.ingestion import Span, UnreadableBody, read_body
from infra.local.appinsights.storage import TelemetryStorage
from infra.local.appinsights.tree import SpanNode, build_tree, disconnected

_log = logging.getLogger("tillbus.appinsights")


class _Endpoints:
    """One method per route; storage calls leave the event loop, because they wait for a disk."""

    def __init__(self, storage: TelemetryStorage) -> None:
        self._storage = storage

    async def track(self, request: Request) -> Response:
        try:
            received = read_body(await request.body(), request.headers.get("content-encoding", ""))
        except UnreadableBody as error:
            return JSONResponse(_answer(0, 0, [(0, str(error))]), status_code=400)
        await asyncio.to_thread(self._storage.add, received)
        accepted = received.items - len(received.errors)
        if received.errors:
            _log.warning("refused %d of %d envelopes", len(received.errors), received.items)
        status = 200 if not received.errors else 206 if accepted else 400
        return JSONResponse(_answer(received.items, accepted, received.errors), status_code=status)

    async def trace(self, request: Request) -> Response:
        operation_id = request.path_params["operation_id"]
        spans = await asyncio.to_thread(self._storage.spans, operation_id)
        if not spans:
            raise HTTPException(404, f"no span of the trace {operation_id} was received")
        logs = await asyncio.to_thread(self._storage.logs, operation_id)
        return JSONResponse(
            {
                "operation_id": operation_id,
                "roots": [_tree_json(root) for root in build_tree(spans)],
                "logs": [dataclasses.asdict(line) for line in logs],
            }
        )

    async def traces(self, request: Request) -> Response:
        attribute = request.query_params.get("attribute", "tillbus.subject")
        value = request.query_params.get("value")
        if value is None:
            raise HTTPException(400, "the query parameter 'value' is missing")
        found = await asyncio.to_thread(self._storage.operations, attribute, value)
        return JSONResponse({"attribute": attribute, "value": value, "operation_ids": found})

    async def logs(self, request: Request) -> Response:
        lines = await asyncio.to_thread(
            self._storage.logs,
            request.query_params.get("operation_id"),
            request.query_params.get("contains", ""),
            _limit(request),
        )
        return JSONResponse({"logs": [dataclasses.asdict(line) for line in lines]})

    async def connected(self, _: Request) -> Response:
        rows = await asyncio.to_thread(self._storage.links)
        loose = disconnected(rows)
        return JSONResponse(
            {
                "traces": len({row[0] for row in rows}),
                "disconnected": {
                    operation: {"roots": roots, "orphans": orphans}
                    for operation, (roots, orphans) in loose.items()
                },
            }
        )

    async def metrics(self, _: Request) -> Response:
        return JSONResponse({"metrics": await asyncio.to_thread(self._storage.metrics)})

    async def stats(self, _: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self._storage.stats))

    async def clear(self, _: Request) -> Response:
        await asyncio.to_thread(self._storage.clear)
        return Response(status_code=204)


def build_app(storage: TelemetryStorage) -> Starlette:
    """Return the ASGI application over one storage."""
    on = _Endpoints(storage)
    return Starlette(
        routes=[
            # An endpoint written with a slash at its end, as the portal shows it, makes the
            # exporter ask for "//v2.1/track"; Azure answers that too.
            *(
                Route(f"{slash}/v{v}/track", on.track, methods=["POST"])
                for v in ("2", "2.1")
                for slash in ("", "/")
            ),
            Route("/api/traces", on.traces),
            Route("/api/traces/{operation_id}", on.trace),
            Route("/api/connected", on.connected),
            Route("/api/logs", on.logs),
            Route("/api/metrics", on.metrics),
            Route("/api/stats", on.stats),
            Route("/api/telemetry", on.clear, methods=["DELETE"]),
        ],
        exception_handlers={HTTPException: _problem},
    )


def _answer(items: int, accepted: int, errors: list[tuple[int, str]]) -> dict[str, object]:
    return {
        "itemsReceived": items,
        "itemsAccepted": accepted,
        "errors": [
            {"index": index, "statusCode": 400, "message": message} for index, message in errors
        ],
    }


def _tree_json(node: SpanNode) -> dict[str, object]:
    return {**_span_json(node.span), "children": [_tree_json(child) for child in node.children]}


def _span_json(span: Span) -> dict[str, object]:
    fields = {field.name: getattr(span, field.name) for field in dataclasses.fields(span)}
    links = [{"operation_id": operation, "id": span_id} for operation, span_id in span.links]
    return {**fields, "attributes": dict(span.attributes), "links": links}


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "1000")
    if not text.isascii() or not text.isdigit():
        raise HTTPException(400, f"'limit' must be a whole number, not {text!r}")
    return int(text)


async def _problem(_: Request, error: Exception) -> Response:
    """Answer as RFC 9457 asks."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "unexpected error"
    return JSONResponse(
        {"type": "about:blank", "title": detail, "status": status},
        status_code=status,
        media_type="application/problem+json",
    )
