"""Service Bus triggers: receive, dispatch singly or in batches, settle (azure-functions.md 1)."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from azure.servicebus import ServiceBusReceivedMessage

from infra.local.functions.bindings import application_properties, service_bus_input
from infra.local.functions.errors import InvocationFailed
from infra.local.functions.functions import Function, ServiceBusTrigger
from infra.local.functions.host_json import ServiceBusOptions
from infra.local.functions.invoker import Invoker
from infra.local.functions.locks import (
    VERDICTS,
    Ending,
    LockedMessages,
    settle_unsettled,
)
from infra.local.functions.message_source import MessageSource
from infra.local.functions.trace import message_traceparent, new_traceparent
from shared.clock import Clock

_log = logging.getLogger(__name__)

_STOP_CHECK_SECONDS = 0.5  # the longest a stop waits for a receive that finds nothing
_GAP_SECONDS = 0.01  # no message for so long: the batch is what it is
_LONE_GAP_SECONDS = 0.002  # and a message that came alone is not kept so long


class Listener(Protocol):
    async def run(self, stopping: asyncio.Event) -> None:
        """Dispatch until `stopping`, then finish what is in flight and close."""


class Dispatch:
    """One function on one queue or subscription: runs an invocation and settles its messages."""

    def __init__(
        self,
        function: Function,
        trigger: ServiceBusTrigger,
        source: MessageSource,
        invoker: Invoker,
        locks: LockedMessages,
        options: ServiceBusOptions,
        clock: Clock,
        *,
        abandon_after_stop: bool = False,
    ) -> None:
        self.source = source
        self.options = options
        self._function = function
        self._trigger = trigger
        self._invoker = invoker
        self._locks = locks
        self._clock = clock
        self._abandon_after_stop = abandon_after_stop and not trigger.many
        self._auto_complete = (
            options.auto_complete_messages
            if trigger.auto_complete is None
            else trigger.auto_complete
        )

    async def dispatch(
        self, messages: Sequence[ServiceBusReceivedMessage], stopping: asyncio.Event
    ) -> None:
        """Invoke the function once with these messages and settle what it left unsettled."""
        held = self._locks.hold(messages, self.source)
        try:
            given = service_bus_input(self._trigger, messages)
            await self._invoker.invoke(
                self._function, given.value, given.metadata, self._trace_parent(messages)
            )
            ending = Ending.SUCCEEDED
        except InvocationFailed:
            ending = Ending.FAILED
        except Exception:
            # Ours, not the function's; the messages go back and the listener lives on.
            _log.exception("%s could not be invoked.", self._function.name)
            ending = Ending.FAILED
        if self._abandon_after_stop and stopping.is_set():
            ending = Ending.FAILED
        verdict = VERDICTS[ending, self._auto_complete]
        try:
            await asyncio.gather(
                *(settle_unsettled(locked, verdict, self._function.name) for locked in held)
            )
        finally:
            self._locks.let_go(held)

    async def dispatch_renewing(
        self, message: ServiceBusReceivedMessage, stopping: asyncio.Event
    ) -> None:
        """Dispatch one message and keep its lock alive meanwhile, as long as the options say."""
        limit = self.options.max_auto_lock_renewal_duration
        renewing = None
        if limit != timedelta(0):
            until = None if limit < timedelta(0) else self._clock() + limit
            renewing = asyncio.ensure_future(self._keep_lock(message, until))
        try:
            await self.dispatch([message], stopping)
        finally:
            if renewing is not None:
                renewing.cancel()

    async def _keep_lock(self, message: ServiceBusReceivedMessage, until: datetime | None) -> None:
        locked_until = message.locked_until_utc
        while locked_until is not None:
            now = self._clock()
            if until is not None and now >= until:
                return
            await asyncio.sleep(max((locked_until - now).total_seconds() / 2, 0.05))
            try:
                locked_until = await self.source.renew_lock(message)
            except Exception as error:
                _log.warning("%s: cannot renew a lock: %s", self._function.name, error)
                return

    def _trace_parent(self, messages: Sequence[ServiceBusReceivedMessage]) -> str:
        """A lone message's own trace; a batch starts a trace, its messages carry theirs."""
        if not self._trigger.many:
            found = message_traceparent(application_properties(messages[0]))
            if found is not None:
                return found
        return new_traceparent()


class BatchListener:
    """`cardinality="many"`: one invocation at a time, with what is there up to the maximum."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def run(self, stopping: asyncio.Event) -> None:
        source = self._dispatch.source
        try:
            while not stopping.is_set():
                if batch := await self._collect(stopping):
                    await self._dispatch.dispatch(batch, stopping)
        finally:
            await source.close()

    async def _collect(self, stopping: asyncio.Event) -> list[ServiceBusReceivedMessage]:
        source, options = self._dispatch.source, self._dispatch.options
        loop = asyncio.get_running_loop()
        batch = await source.receive(1, _STOP_CHECK_SECONDS, alone=True)
        deadline = loop.time() + options.max_batch_wait_time.total_seconds()
        while batch and len(batch) < options.max_message_batch_size:
            gap = _LONE_GAP_SECONDS if len(batch) == 1 else _GAP_SECONDS
            more = await source.receive(options.max_message_batch_size - len(batch), gap)
            batch += more
            enough = len(batch) >= options.min_message_batch_size or loop.time() >= deadline
            if not more and (enough or stopping.is_set()):
                break
        return batch


class SingleListener:
    """`cardinality="one"`: up to `maxConcurrentCalls` invocations, each with a kept lock."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        source, limit = self._dispatch.source, self._dispatch.options.max_concurrent_calls
        try:
            wait_seconds = _STOP_CHECK_SECONDS
            while not stopping.is_set():
                if len(self._running) >= limit:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                # The first message alone, so that it starts at once; then whatever else is there.
                wanted = 1 if wait_seconds == _STOP_CHECK_SECONDS else limit - len(self._running)
                alone = not self._running
                messages = await source.receive(max(wanted, 1), wait_seconds, alone=alone)
                for message in messages:
                    self._start(message, stopping)
                wait_seconds = _LONE_GAP_SECONDS if messages else _STOP_CHECK_SECONDS
            await asyncio.gather(*self._running)
        finally:
            await source.close()

    def _start(self, message: ServiceBusReceivedMessage, stopping: asyncio.Event) -> None:
        task = asyncio.ensure_future(self._dispatch.dispatch_renewing(message, stopping))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
