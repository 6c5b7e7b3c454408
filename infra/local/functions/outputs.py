"""Service Bus output bindings: what a function set is sent when it has returned."""

from collections.abc import Mapping

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from infra.local.functions.app_settings import Connection
from infra.local.functions.errors import InvocationFailed
from infra.local.functions.functions import Function, ServiceBusOutput
from infra.local.functions.message_source import open_client
from infra.local.functions.protos import TypedData


class OutputSender:
    """One client per connection and one sender per entity, opened when first used."""

    def __init__(self) -> None:
        self._clients: dict[Connection, ServiceBusClient] = {}
        self._senders: dict[ServiceBusOutput, ServiceBusSender] = {}

    async def send(self, function: Function, values: Mapping[str, TypedData]) -> None:
        """Send every output that was set; raises `InvocationFailed` when one cannot be sent."""
        for output in function.outputs:
            if (value := values.get(output.name)) is None:
                continue
            kind = value.WhichOneof("data")
            body = getattr(value, kind) if kind else b""
            try:
                await self._sender(output).send_messages(ServiceBusMessage(body))
            except Exception as error:
                self._senders.pop(output, None)
                raise InvocationFailed(f"its output {output.name!r} failed: {error}") from error

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    def _sender(self, output: ServiceBusOutput) -> ServiceBusSender:
        if output not in self._senders:
            client = self._clients.get(output.connection)
            if client is None:
                client = self._clients[output.connection] = open_client(output.connection)
            # The wire knows no difference between a queue and a topic to send to.
            self._senders[output] = client.get_queue_sender(output.entity)
        return self._senders[output]
