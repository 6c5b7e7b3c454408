"""The host: two event loops, one for the app's functions and one for everything else.

The worker's loop is the process's main thread, as on Azure. Triggers, settlement and HTTP run on a
loop in a thread of their own, so that an app that blocks its loop (every call of
ServiceBusMessageActions does) can still be served.
"""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.local.functions.app_settings import is_disabled
from infra.local.functions.errors import EXIT_FUNCTION_TIMEOUT, EXIT_OK, ConfigurationError
from infra.local.functions.functions import (
    Function,
    ServiceBusTrigger,
    TimerTrigger,
    read_functions,
)
from infra.local.functions.host_json import HostSettings
from infra.local.functions.invoker import Invoker
from infra.local.functions.locks import LockedMessages
from infra.local.functions.message_source import MessageSource, SdkMessageSource, SourceFactory
from infra.local.functions.settlement import MAX_MESSAGE_BYTES, serve_settlement
from infra.local.functions.triggers.http import HttpApp, Keys
from infra.local.functions.triggers.service_bus import (
    BatchListener,
    Dispatch,
    Listener,
    SingleListener,
)
from infra.local.functions.triggers.timer import TimerListener
from infra.local.functions.unobserved import unobserved
from infra.local.functions.worker import Worker
from shared.clock import Clock, utc_now

_log = logging.getLogger(__name__)

# How long abandoning what is in flight may take after a function timeout.
_KILL_AFTER_SECONDS = 2.0


@dataclass(frozen=True)
class HostOptions:
    """Where the app is and how it is served."""

    app: Path
    settings: HostSettings
    state: Path
    host: str = "127.0.0.1"
    port: int = 7071
    keys: Keys | None = None
    only: frozenset[str] = frozenset()  # function names to run; empty means all
    abandon_after_stop: bool = False
    clock: Clock = field(default=utc_now)


class Host:
    """One worker and its triggers, from indexing to a graceful stop."""

    def __init__(self, options: HostOptions, source_factory: SourceFactory | None = None) -> None:
        self._options = options
        self._source_factory = source_factory or self._sdk_source
        self._triggers_loop = asyncio.new_event_loop()
        self._locks = LockedMessages()
        self._stopping = asyncio.Event()
        self._draining = asyncio.Event()
        self._exit_code = EXIT_OK
        self._timers: dict[str, TimerListener] = {}
        self._listening: Sequence[asyncio.Future[None]] = ()

    def stop(self) -> None:
        """Ask for a graceful stop; safe from a signal handler and from any thread."""
        self._triggers_loop.call_soon_threadsafe(self._stop_all)

    async def run(self, on_ready: Callable[[str, int], None]) -> int:
        """Run on the worker's loop until stopped; return the exit code.

        `on_ready` gets the base URL and the number of functions. Raises `ConfigurationError`.
        """
        thread = threading.Thread(
            target=self._triggers_loop.run_forever, name="triggers", daemon=True
        )
        thread.start()
        try:
            settlement_port, stop_settlement = await self._on_triggers_loop(
                serve_settlement(self._locks, "127.0.0.1")
            )
            worker = Worker(
                self._options.app,
                settlement_port=settlement_port,
                max_message_bytes=MAX_MESSAGE_BYTES,
            )
            functions = self._enabled(read_functions(await worker.start(), os.environ))
            serving = self._serve(functions, worker, asyncio.get_running_loop(), on_ready)
            try:
                await self._on_triggers_loop(serving)
            finally:
                await self._on_triggers_loop(stop_settlement())
        finally:
            self._triggers_loop.call_soon_threadsafe(self._triggers_loop.stop)
            thread.join(timeout=_KILL_AFTER_SECONDS)
        return self._exit_code

    async def _on_triggers_loop(self, work: Awaitable[Any]) -> Any:
        async def waiting() -> Any:
            with unobserved():
                return await work

        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(waiting(), self._triggers_loop)
        )

    def _enabled(self, functions: list[Function]) -> list[Function]:
        only = self._options.only or frozenset(self._options.settings.functions or ())
        if unknown := sorted(only - {function.name for function in functions}):
            raise ConfigurationError(f"The app has no function named {unknown[0]!r}.")
        return [
            function
            for function in functions
            if not is_disabled(function.name, os.environ) and (not only or function.name in only)
        ]

    async def _serve(
        self,
        functions: list[Function],
        worker: Worker,
        worker_loop: asyncio.AbstractEventLoop,
        on_ready: Callable[[str, int], None],
    ) -> None:
        """On the triggers' loop: start everything, wait for a stop, finish what is in flight."""
        invoker = Invoker(
            worker,
            worker_loop,
            timeout=self._options.settings.function_timeout,
            on_timeout=self._timed_out,
        )
        listeners = self._listeners(functions, invoker)
        listening = _listen(self._options.host, self._options.port)
        server = self._http_server(functions, invoker)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        await server.serving.wait()
        port = listening.getsockname()[1]
        # Before any function runs, so that nothing the app prints mixes with the ready line.
        on_ready(f"http://{self._options.host}:{port}", len(functions))
        running = [asyncio.ensure_future(listener.run(self._draining)) for listener in listeners]
        self._listening = running
        for task in running:
            task.add_done_callback(self._listener_ended)
        await self._stopping.wait()
        await asyncio.gather(*running, return_exceptions=True)
        server.should_exit = True
        await serving
        await invoker.close()
        if self._exit_code == EXIT_FUNCTION_TIMEOUT:
            _kill()

    def _listeners(self, functions: list[Function], invoker: Invoker) -> list[Listener]:
        listeners: list[Listener] = []
        for function in functions:
            trigger = function.trigger
            if isinstance(trigger, TimerTrigger):
                timer = TimerListener(
                    function, trigger, invoker, self._options.state, self._options.clock
                )
                self._timers[function.name] = timer
                listeners.append(timer)
            elif isinstance(trigger, ServiceBusTrigger):
                dispatch = Dispatch(
                    function,
                    trigger,
                    self._source_factory(trigger),
                    invoker,
                    self._locks,
                    self._options.settings.service_bus,
                    self._options.clock,
                    abandon_after_stop=self._options.abandon_after_stop,
                )
                kind = BatchListener if trigger.many else SingleListener
                listeners.append(kind(dispatch))
        return listeners

    def _sdk_source(self, trigger: ServiceBusTrigger) -> MessageSource:
        options = self._options.settings.service_bus
        at_once = options.max_message_batch_size if trigger.many else options.max_concurrent_calls
        return SdkMessageSource(trigger, credit=max(options.prefetch_count, at_once))

    def _stop_all(self) -> None:
        self._draining.set()
        self._stopping.set()

    def _listener_ended(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A trigger ended, so the host stops.", exc_info=error)
            self._exit_code = 1
            self._stop_all()

    def _timed_out(self) -> None:
        _log.error(
            "A function ran longer than the functionTimeout of %s: its worker process ends.",
            self._options.settings.function_timeout,
        )
        self._exit_code = EXIT_FUNCTION_TIMEOUT
        self._stop_all()
        self._triggers_loop.call_later(_KILL_AFTER_SECONDS, _kill)

    def _http_server(self, functions: list[Function], invoker: Invoker) -> "_HttpServer":
        async def status(_request: Request) -> Response:
            return JSONResponse(
                {
                    "state": "Draining" if self._draining.is_set() else "Running",
                    "processId": os.getpid(),
                    "functions": [function.name for function in functions],
                    "invocations": invoker.invocations,
                    "failures": invoker.failures,
                    "outstandingInvocations": invoker.running,
                    "lockedMessages": len(self._locks),
                }
            )

        async def drain(_request: Request) -> Response:
            self._draining.set()
            return Response(status_code=202)

        async def drain_status(_request: Request) -> Response:
            done = invoker.running == 0 and all(task.done() for task in self._listening)
            draining = "Completed" if done else "InProgress"
            state = draining if self._draining.is_set() else "Disabled"
            return JSONResponse(
                {"state": state, "outstandingInvocations": invoker.running, "outstandingRetries": 0}
            )

        async def list_functions(_request: Request) -> Response:
            return JSONResponse([{"name": function.name} for function in functions])

        admin = {
            ("GET", "/admin/host/status"): status,
            ("POST", "/admin/host/drain"): drain,
            ("GET", "/admin/host/drain/status"): drain_status,
            ("GET", "/admin/functions"): list_functions,
            **{("POST", f"/admin/functions/{name}"): _fire(t) for name, t in self._timers.items()},
        }
        app = HttpApp(
            functions,
            invoker,
            route_prefix=self._options.settings.extensions.http.route_prefix,
            keys=self._options.keys,
            admin=admin,
        )
        return _HttpServer(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", loop="none")
        )


class _HttpServer(uvicorn.Server):
    """uvicorn that says when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()


def _kill() -> None:
    """End the process now: after a function timeout the app may hold the main thread for ever."""
    os._exit(EXIT_FUNCTION_TIMEOUT)


def _fire(timer: TimerListener) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def action(_request: Request) -> Response:
        await timer.fire(past_due=False)
        return Response(status_code=202)

    return action


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}."
        ) from error
