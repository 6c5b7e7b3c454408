"""Where a Service Bus trigger gets its messages, and the unmodified SDK as one such place."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusConnectionError

from infra.local.functions.app_settings import Connection
from infra.local.functions.functions import ServiceBusTrigger
from shared.clock import utc_now

_log = logging.getLogger(__name__)

# The SDK's asyncio transport holds one lock while it waits this long for a frame, so a settlement
# waits behind a receive. The default is 0.2 s; connecting does not use it.
_SOCKET_WAIT_SECONDS = 0.01
_OPEN_SECONDS = 10.0
_FIRST_RETRY_SECONDS = 0.1
_LAST_RETRY_SECONDS = 0.5


class MessageSource(Protocol):
    """One queue or subscription in peek-lock mode. Errors are the SDK's."""

    async def receive(
        self, max_count: int, wait_seconds: float, *, alone: bool = False
    ) -> list[ServiceBusReceivedMessage]:
        """Return what is there, at most `max_count`, waiting for the first one only.

        `alone`: no message of this source is in flight, so it need not be ready to settle one.
        Never raises for a lost connection: returns nothing after a pause and connects again.
        """

    async def complete(self, message: ServiceBusReceivedMessage) -> None: ...

    async def abandon(self, message: ServiceBusReceivedMessage) -> None: ...

    async def defer(self, message: ServiceBusReceivedMessage) -> None: ...

    async def dead_letter(
        self, message: ServiceBusReceivedMessage, reason: str | None, description: str | None
    ) -> None: ...

    async def renew_lock(self, message: ServiceBusReceivedMessage) -> datetime: ...

    async def close(self) -> None: ...


class SdkMessageSource:
    """A `MessageSource` on azure-servicebus: one client, one receiver, opened again when lost.

    `credit` is how many messages the broker may have sent that no call has asked for yet, at most.
    With the SDK's prefetch 0 every message that comes outside a receive call is released again,
    which under a backlog moves each message several times.
    """

    def __init__(self, trigger: ServiceBusTrigger, *, credit: int) -> None:
        self._trigger = trigger
        self._prefetch_count = max(credit - 1, 1)  # the SDK adds one
        self._client: ServiceBusClient | None = None
        self._receiver: ServiceBusReceiver | None = None
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._trouble: str | None = None
        # One settlement at a time: each waits for its confirmation under the transport's one lock,
        # and those that wait together take turns polling it, give up after a minute and go to
        # $management all at once, which under a backlog starves every receiver of the process.
        self._settling = asyncio.Lock()

    async def receive(
        self, max_count: int, wait_seconds: float, *, alone: bool = False
    ) -> list[ServiceBusReceivedMessage]:
        try:
            receiver = await self._open()
            longest = wait_seconds if alone else _SOCKET_WAIT_SECONDS
            _wait_in_socket(receiver, min(wait_seconds, longest))
            messages = await receiver.receive_messages(max_count, wait_seconds)
        except Exception as error:
            await self._lost(error)
            return []
        if self._trouble is not None:
            _log.info("Receiving from %s again.", self._trigger.entity_path)
            self._trouble = None
        self._retry_seconds = _FIRST_RETRY_SECONDS
        # What waited here beyond its lock is the broker's again: it comes once more.
        now = utc_now()
        return [m for m in messages if m.locked_until_utc is None or m.locked_until_utc > now]

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        async with self._settling:
            await self._opened().complete_message(message)

    async def abandon(self, message: ServiceBusReceivedMessage) -> None:
        async with self._settling:
            await self._opened().abandon_message(message)

    async def defer(self, message: ServiceBusReceivedMessage) -> None:
        async with self._settling:
            await self._opened().defer_message(message)

    async def dead_letter(
        self, message: ServiceBusReceivedMessage, reason: str | None, description: str | None
    ) -> None:
        async with self._settling:
            await self._opened().dead_letter_message(
                message, reason=reason, error_description=description
            )

    async def renew_lock(self, message: ServiceBusReceivedMessage) -> datetime:
        return await self._opened().renew_message_lock(message)

    async def close(self) -> None:
        receiver, client = self._receiver, self._client
        self._receiver = self._client = None
        for closing in (receiver, client):
            if closing is not None:
                # Closing a dead connection fails too, and there is nothing left to save.
                with contextlib.suppress(Exception):
                    await closing.close()

    def _opened(self) -> ServiceBusReceiver:
        if self._receiver is None:
            raise ServiceBusConnectionError(
                message=f"not connected to {self._trigger.entity_path} at the moment"
            )
        return self._receiver

    async def _open(self) -> ServiceBusReceiver:
        if self._receiver is None:
            client = open_client(self._trigger.connection)
            trigger = self._trigger
            options: Any = {
                "prefetch_count": self._prefetch_count,
                "socket_timeout": _SOCKET_WAIT_SECONDS,
            }
            receiver = (
                client.get_queue_receiver(trigger.queue, **options)
                if trigger.queue
                else client.get_subscription_receiver(
                    trigger.topic or "", trigger.subscription or "", **options
                )
            )
            self._client, self._receiver = client, receiver
            await asyncio.wait_for(receiver.__aenter__(), _OPEN_SECONDS)
        return self._receiver

    async def _lost(self, error: Exception) -> None:
        trouble = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if trouble != self._trouble:
            _log.warning(
                "Cannot receive from %s, trying again until it works: %s",
                self._trigger.entity_path,
                trouble,
            )
            self._trouble = trouble
        await self.close()
        await asyncio.sleep(self._retry_seconds)
        self._retry_seconds = min(self._retry_seconds * 2, _LAST_RETRY_SECONDS)


def _wait_in_socket(receiver: Any, seconds: float) -> None:
    """Let the receiver wait so long for a frame from now on; what arrives ends the wait at once.

    The SDK's option `socket_timeout` is for a receiver's whole life. Short, it has dozens of idle
    receivers wake up a hundred times a second each; long, a gap in the messages is noticed only
    after it. A test in tests/integration/functions holds the SDK to this attribute.
    """
    receiver._handler._socket_timeout = seconds


def open_client(connection: Connection) -> ServiceBusClient:
    # No retries inside the SDK: they back off for seconds while the bus may long be back.
    if connection.connection_string is not None:
        return ServiceBusClient.from_connection_string(connection.connection_string, retry_total=0)
    return ServiceBusClient(
        connection.fully_qualified_namespace or "",
        _credential(connection),
        retry_total=0,
    )


def _credential(connection: Connection):  # type: ignore[no-untyped-def]
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if connection.managed_identity:
        return ManagedIdentityCredential(client_id=connection.client_id)
    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)


SourceFactory = Callable[[ServiceBusTrigger], MessageSource]
