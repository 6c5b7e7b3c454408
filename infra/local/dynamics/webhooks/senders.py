"""Ways out of the simulator, by the scheme of a subscription's URL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx
    from azure.servicebus.aio import ServiceBusClient
    from azure.servicebus.aio import ServiceBusSender as QueueSender

Sender = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, str]]]
"""Send headers and body to a URL; return status and text of the answer. A sender without statuses
of its own returns 200. Raises OSError when there was no answer; how long is too long is the
caller's part. One that has an `aclose` is closed with the simulator."""


class HttpSender:
    """Posts over HTTP. The client is made at the first call: most simulators never notify."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        import httpx

        scheme = url.partition(":")[0]
        if scheme not in self._clients:
            # Loading trust takes 50 ms, and plain HTTP needs none.
            self._clients[scheme] = httpx.AsyncClient(verify=scheme == "https")
        try:
            answer = await self._clients[scheme].post(
                url, content=body, headers=dict(headers), timeout=None
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        return answer.status_code, answer.text

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()


class ServiceBusSender:
    """Sends to queues and topics of one namespace: the path of an sb:// URL names the entity.

    Needs azure-servicebus, which nothing else of the simulator does.
    """

    def __init__(self, connection_string: str) -> None:
        self._connection_string = connection_string
        self._client: ServiceBusClient | None = None
        self._senders: dict[str, QueueSender] = {}

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        from azure.servicebus import ServiceBusMessage
        from azure.servicebus.exceptions import ServiceBusError

        message = ServiceBusMessage(
            body,
            content_type=headers.get("Content-Type"),
            application_properties=dict(headers.items()),
        )
        entity = urlsplit(url).path.strip("/")
        try:
            await self._sender(entity).send_messages(message)
        except (ServiceBusError, ValueError) as error:
            await self._senders.pop(entity).close()
            raise OSError(f"{type(error).__name__}: {error}") from error
        return 200, ""

    def _sender(self, entity: str) -> QueueSender:
        from azure.servicebus.aio import ServiceBusClient

        if self._client is None:
            self._client = ServiceBusClient.from_connection_string(self._connection_string)
        if entity not in self._senders:
            # A queue's sender serves topics as well: both are sent to by address.
            self._senders[entity] = self._client.get_queue_sender(entity)
        return self._senders[entity]

    async def aclose(self) -> None:
        for sender in self._senders.values():
            await sender.close()
        if self._client is not None:
            await self._client.close()
