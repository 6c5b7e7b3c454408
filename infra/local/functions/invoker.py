"""The bridge from the trigger loop to the worker's loop, with the function timeout."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextvars import Context
from datetime import timedelta

from infra.local.functions.errors import FunctionTimeout, InvocationFailed
from infra.local.functions.functions import Function
from infra.local.functions.outputs import OutputSender
from infra.local.functions.protos import TypedData
from infra.local.functions.worker import InvocationResult, Worker

_log = logging.getLogger(__name__)


class Invoker:
    """Invokes functions for the triggers. Lives on the trigger loop.

    App code may block the worker's loop for as long as it likes; this side keeps running.
    """

    def __init__(
        self,
        worker: Worker,
        worker_loop: asyncio.AbstractEventLoop,
        *,
        timeout: timedelta | None,
        on_timeout: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._worker_loop = worker_loop
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._outputs = OutputSender()
        self._killed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.running = 0
        self.invocations = 0
        self.failures = 0

    async def invoke(
        self,
        function: Function,
        value: TypedData,
        metadata: Mapping[str, TypedData],
        trace_parent: str,
    ) -> InvocationResult:
        """Run the function and send its outputs; raises `InvocationFailed`, logged here once.

        Outputs go out before the trigger's message is completed; a failing one fails the
        invocation, so the message comes back (no transaction across the two, as on Azure).
        """
        self.running += 1
        self.invocations += 1
        try:
            result = await self._run(function, value, metadata, trace_parent)
            await self._outputs.send(function, result.outputs)
        except InvocationFailed as error:
            self.failures += 1
            _log.error("%s failed: %s", function.name, error)
            _log.debug("%s", error.stack_trace)
            raise
        finally:
            self.running -= 1
        return result

    async def close(self) -> None:
        await self._outputs.close()

    async def _run(
        self,
        function: Function,
        value: TypedData,
        metadata: Mapping[str, TypedData],
        trace_parent: str,
    ) -> InvocationResult:
        invoking = self._worker.invoke(
            function.function_id, function.trigger.argument, value, metadata, trace_parent
        )
        # An empty context: nothing of the host's own, its unobserved span least of all.
        running = asyncio.wrap_future(
            Context().run(asyncio.run_coroutine_threadsafe, invoking, self._worker_loop)
        )
        # Not wait_for: the worker knows no cancellation, the function runs on until it is killed.
        seconds = None if self._timeout is None else self._timeout.total_seconds()
        await asyncio.wait(
            (running, self._killed), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if running.done():
            return running.result()
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._killed.done():
            raise InvocationFailed("its worker process was stopped by another function's timeout")
        self._killed.set_result(None)
        self._on_timeout()
        raise FunctionTimeout(f"it ran longer than the functionTimeout of {self._timeout}")
