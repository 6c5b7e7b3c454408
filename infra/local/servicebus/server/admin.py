"""What is served over HTTP: health, inspection, the administration API of the SDKs.

Uvicorn's HTTP protocol runs on the bus's own loop without a uvicorn server: no thread, no signal
handlers and no timer per bus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from uvicorn import Config
from uvicorn.server import ServerState

from infra.local.servicebus.server import administration
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.server.operation import problem


def admin_app(core: Core, operation: Sequence[Route], *, ca_file: Callable[[], Path]) -> Starlette:
    async def health(_request: Request) -> Response:
        """As the official emulator's: 200, or 503 while nothing can be stored."""
        failure = core.committer.failure
        if failure is None:
            return JSONResponse({"status": "healthy"})
        return JSONResponse({"status": "unhealthy", "reason": str(failure)}, status_code=503)

    async def authority(_request: Request) -> Response:
        return FileResponse(ca_file(), media_type="application/x-pem-file")

    return Starlette(
        routes=[
            *administration.routes(core),
            Route("/health", health),
            *operation,
            Route("/ca.pem", authority),
        ],
        exception_handlers={HTTPException: _problem},
    )


def _problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return problem(
        status,
        f"{request.method} {request.url.path} is not served; /health, /inspect, /connections, "
        "/faults, /clock and /metrics are, and the administration API with its api-version.",
    )


class AdminServer:
    """`websocket` makes the protocol that takes a connection over after an upgrade request."""

    def __init__(self, app: Starlette, websocket: Callable[..., asyncio.Protocol]) -> None:
        self._config = Config(
            app,
            lifespan="off",
            access_log=False,
            log_config=None,
            http="h11",  # httptools keeps any amount of headers
            ws=websocket,  # type: ignore[arg-type]  # uvicorn only calls it
        )
        self._config.load()
        self._state = ServerState()

    def protocol(self) -> asyncio.Protocol:
        """Return what serves one accepted HTTP connection."""
        protocol: Any = self._config.http_protocol_class
        made: asyncio.Protocol = protocol(
            config=self._config, server_state=self._state, app_state={}
        )
        return made

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.protocol, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        for task in list(self._state.tasks):
            task.cancel()
