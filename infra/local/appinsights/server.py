"""The local Application Insights as a thing to start and stop."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from infra.local.appinsights.app import build_app
from infra.local.appinsights.storage import TelemetryStorage
from infra.local.http_server import HttpServer

INSTRUMENTATION_KEY = "00000000-0000-0000-0000-000000000001"
"""Accepted as any other would be: this endpoint holds one resource only."""


class LocalAppInsights:
    """Receive telemetry on a free port; keep it in `data`, or in memory when that is None."""

    def __init__(self, *, data: Path | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.storage = TelemetryStorage(data)
        self._server = HttpServer(build_app(self.storage), host=host, port=port)

    @property
    def url(self) -> str:
        """Base address of ingestion and queries."""
        return self._server.url

    @property
    def connection_string(self) -> str:
        """The value for APPLICATIONINSIGHTS_CONNECTION_STRING."""
        return connection_string(self.url)

    async def __aenter__(self) -> LocalAppInsights:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(exc_type, exc, traceback)
        self.storage.close()


def connection_string(url: str) -> str:
    """Return the Application Insights connection string that leads to a local endpoint."""
    return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={url}"
