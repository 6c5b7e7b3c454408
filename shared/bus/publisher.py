"""Publish facts and delayed retries through one kept sender per topic, in as few sends as fit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from shared.bus.copies import Retry, Unparked, retry_message, unparked_message
from shared.bus.message import event_message
from shared.clock import Clock, utc_now
from shared.events import Event
from shared.telemetry import within

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
    from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

_log = logging.getLogger("tillbus.bus")

SEND_SECONDS = 30.0
"""How long one batch may take over one sender, the SDK's retries included. A message lock lasts a
minute, and what is published for a message must be out before it is settled."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message the bus has not confirmed, and why. It may be sent again: ids are deterministic.

    `is_hopeless`: the bus will never take it, it is too large or cannot be encoded."""

    topic: str
    message_id: str
    cause: str
    is_hopeless: bool = False


class PublishFailed(Exception):
    """Some messages are not confirmed by the bus; all others of the same call are."""

    def __init__(self, unsent: Sequence[Unsent]) -> None:
        self.unsent = tuple(unsent)
        self.message_ids = frozenset(message.message_id for message in unsent)
        first = self.unsent[0]
        more = f" (and {len(unsent) - 1} more)" if len(unsent) > 1 else ""
        super().__init__(
            f"{first.message_id} was not sent to topic {first.topic}{more}: {first.cause}"
        )


@dataclass(frozen=True, slots=True)
class _Outgoing:
    message: ServiceBusMessage
    traceparent: str | None

    @property
    def message_id(self) -> str:
        return str(self.message.message_id)


class Publisher:
    """Sends over one `ServiceBusClient`, which it owns from here on: `aclose` closes both.

    Safe to share between the tasks of one event loop. A send that fails after the SDK's own retries
    is tried once more over a new sender, which is what survives a restarted bus; then
    `PublishFailed` names what is not confirmed. Nothing is ever dropped silently.
    """

    def __init__(self, client: ServiceBusClient, *, clock: Clock = utc_now) -> None:
        self._client = client
        self._clock = clock
        self._topics: dict[str, _TopicSender] = {}

    async def publish(self, events: Iterable[Event[Any]]) -> None:
        """Send each event to the topic of its fact; return once the bus has accepted all.

        A message is created inside the trace its event carries (`event.traceparent`), else inside
        the current one, so that a batch of sales stays one trace for each sale.
        Raises PublishFailed; the events it does not name are on the bus.
        """
        by_topic: dict[str, list[_Outgoing]] = {}
        for event in events:
            outgoing = _Outgoing(event_message(event), event.traceparent)
            by_topic.setdefault(event.data.TOPIC, []).append(outgoing)
        await self._send(by_topic)

    async def schedule_retries(self, topic: str, retries: Iterable[Retry]) -> None:
        """Schedule the copies on `topic`, one whose time has come for at once.

        Raises PublishFailed like `publish`.
        """
        now = self._clock()
        outgoing = [_Outgoing(retry_message(retry, now), retry.traceparent) for retry in retries]
        await self._send({topic: outgoing} if outgoing else {})

    async def unpark(self, copies: Iterable[Unparked]) -> None:
        """Send copies of parked facts to their subscriptions.

        Raises PublishFailed like `publish`.
        """
        by_topic: dict[str, list[_Outgoing]] = {}
        for copy in copies:
            outgoing = _Outgoing(unparked_message(copy), copy.fact.traceparent)
            by_topic.setdefault(copy.fact.topic, []).append(outgoing)
        await self._send(by_topic)

    @property
    def client(self) -> ServiceBusClient:
        """The client, for what else this process does on the same bus."""
        return self._client

    async def aclose(self) -> None:
        """Close the senders and the client."""
        self._topics.clear()
        await self._client.close()

    async def _send(self, by_topic: Mapping[str, Sequence[_Outgoing]]) -> None:
        sends = [self._topic(topic).send(outgoing) for topic, outgoing in by_topic.items()]
        unsent = [message for part in await asyncio.gather(*sends) for message in part]
        if unsent:
            raise PublishFailed(unsent)

    def _topic(self, topic: str) -> _TopicSender:
        if topic not in self._topics:
            self._topics[topic] = _TopicSender(topic, self._client)
        return self._topics[topic]


class _TopicSender:
    """The kept sender of one topic. One call sends at a time: the SDK's link is not shareable."""

    def __init__(self, topic: str, client: ServiceBusClient) -> None:
        self._topic = topic
        self._client = client
        self._sender: ServiceBusSender | None = None
        self._turn = asyncio.Lock()

    async def send(self, outgoing: Sequence[_Outgoing]) -> list[Unsent]:
        """Send all, batch by batch; return those not confirmed, empty when all are.

        A message that is too large or cannot be encoded is passed over. A batch that fails ends
        the call: the bus is not there, and each further one would wait as long as this one did.
        """
        from azure.core.exceptions import AzureError

        unsent: list[Unsent] = []
        waiting = deque(outgoing)
        async with self._turn:
            while waiting:
                taken: list[_Outgoing] = []
                try:
                    batch = await self._over_sender(lambda sender: sender.create_message_batch())
                    taken, refused = fill(batch, waiting)
                    unsent += [self._unsent(each, cause, True) for each, cause in refused]
                    if taken:
                        await self._over_sender(partial(_send_batch, batch=batch))
                except (AzureError, OSError, ValueError) as error:
                    cause = str(error) or type(error).__name__
                    unsent += [self._unsent(each, cause) for each in (*taken, *waiting)]
                    break
        return unsent

    async def _over_sender(
        self, operation: Callable[[ServiceBusSender], Awaitable[_Result]]
    ) -> _Result:
        """Do `operation` over the kept sender, once more over a new one if that fails."""
        from azure.core.exceptions import AzureError

        try:
            return await operation(self._kept_sender())
        except (AzureError, OSError, ValueError) as error:
            _log.warning("The sender of topic %s is replaced: %s", self._topic, error)
            await self._drop_sender()
        try:
            return await operation(self._kept_sender())
        except BaseException:
            await self._drop_sender()
            raise

    def _kept_sender(self) -> ServiceBusSender:
        if self._sender is None:
            self._sender = self._client.get_topic_sender(self._topic)
        return self._sender

    async def _drop_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            # Closing a broken link may fail as the link did; there is nothing left to lose.
            with contextlib.suppress(Exception):
                await sender.close()

    def _unsent(self, each: _Outgoing, cause: str, is_hopeless: bool = False) -> Unsent:
        return Unsent(self._topic, each.message_id, cause, is_hopeless)


def fill(
    batch: ServiceBusMessageBatch, waiting: deque[_Outgoing]
) -> tuple[list[_Outgoing], list[tuple[_Outgoing, str]]]:
    """Move messages from the front of `waiting` into an empty batch while they fit.

    Returns those in the batch, and those that fit into no batch with the reason; together they are
    never empty, so that filling batch after batch comes to an end.
    """
    from azure.servicebus.exceptions import MessageSizeExceededError

    taken: list[_Outgoing] = []
    refused: list[tuple[_Outgoing, str]] = []
    while waiting:
        try:
            # The SDK opens and closes the message's own span here, below the current one.
            with within(waiting[0].traceparent):
                batch.add_message(waiting[0].message)
        except MessageSizeExceededError:
            if taken:
                break
            refused.append(
                (waiting.popleft(), f"it is larger than {batch.max_size_in_bytes} bytes")
            )
        except (TypeError, ValueError) as error:
            refused.append((waiting.popleft(), f"it cannot be encoded: {error}"))
        else:
            taken.append(waiting.popleft())
    return taken, refused


async def _send_batch(sender: ServiceBusSender, *, batch: ServiceBusMessageBatch) -> None:
    await sender.send_messages(batch, timeout=SEND_SECONDS)
