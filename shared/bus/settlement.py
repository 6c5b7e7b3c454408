"""Settle received messages; two adapters, and nothing else knows which one is in use.

`HostSettlement` asks the Functions host through the typed binding (its books stay right).
`ManagementSettlement` settles by lock token over the subscription's `$management` link, which any
connection may do for entities without sessions (Azure SDK for .NET, Sample 16).
"""

from __future__ import annotations

import asyncio
import importlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.bus.message import Received

if TYPE_CHECKING:
    from azure.servicebus.aio import ServiceBusReceiver

MAX_TEXT_CHARS = 4096
"""The longest dead-letter reason or description the broker takes."""

CALLS_AT_ONCE = 4
"""Settlement calls in flight to the host; each holds a thread of the loop's default executor."""

SETTLEMENT = "SETTLEMENT"
_EXTENSION = "azurefunctions.extensions.bindings.servicebus"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message for the dead-letter queue and what a person will read there."""

    message: Received
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A message that could not be settled, typically because its lock was lost."""

    message: Received
    error: Exception


class Settlement(Protocol):
    """Settles messages one by one: each method returns those that failed and raises for none.

    A message that stays unsettled is delivered again after its lock has expired.
    """

    async def complete_many(self, messages: Sequence[Received]) -> list[Unsettled]: ...

    async def abandon_many(self, messages: Sequence[Received]) -> list[Unsettled]: ...

    async def dead_letter_many(self, rejections: Sequence[Rejection]) -> list[Unsettled]: ...


def settlement_kind(environment: Mapping[str, str]) -> str:
    """Return `host` or `management`: the setting SETTLEMENT, else what is installed.

    Raises ValueError for any other value. The extension is absent where its uamqp has no wheel.
    """
    wanted = environment.get(SETTLEMENT, "").strip().lower()
    if wanted in {"host", "management"}:
        return wanted
    if wanted:
        raise ValueError(f"{SETTLEMENT} is {wanted!r}; it can be 'host' or 'management'")
    try:
        importlib.import_module(_EXTENSION)
    except ImportError:
        return "management"
    return "host"


class HostSettlement:
    """Through `ServiceBusMessageActions`: blocking gRPC calls of one message each, in threads.

    A call takes a millisecond of processor time and more of waiting, so it is made only for what
    the host would not do by itself: with `autoCompleteMessages` it completes every message that an
    invocation leaves unsettled and, should the invocation fail, gives it back.
    """

    def __init__(self, actions: Any) -> None:
        self._actions = actions

    async def complete_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        """Leave them to the host, which completes them when the invocation has succeeded."""
        return []

    async def abandon_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        """Give all back."""
        return await self._each(messages, lambda one: self._actions.abandon(one.native))

    async def dead_letter_many(self, rejections: Sequence[Rejection]) -> list[Unsettled]:
        """Dead-letter all."""
        texts = {each.message.lock_token: _texts(each) for each in rejections}

        def dead_letter(one: Received) -> None:
            reason, description = texts[one.lock_token]
            self._actions.deadletter(
                one.native, deadletter_reason=reason, deadletter_error_description=description
            )

        return await self._each([each.message for each in rejections], dead_letter)

    async def _each(
        self, messages: Sequence[Received], settle: Callable[[Received], None]
    ) -> list[Unsettled]:
        shares = [messages[start::CALLS_AT_ONCE] for start in range(CALLS_AT_ONCE)]
        unsettled = await asyncio.gather(
            *(asyncio.to_thread(_settle_each, share, settle) for share in shares if share)
        )
        return [each for share in unsettled for each in share]


def _settle_each(
    messages: Iterable[Received], settle: Callable[[Received], None]
) -> list[Unsettled]:
    unsettled = []
    for message in messages:
        try:
            settle(message)
        except Exception as error:
            unsettled.append(Unsettled(message, error))
    return unsettled


class ManagementSettlement:
    """By lock token over `$management` `update-disposition`, one request for many messages.

    Uses `_settle_message_via_mgmt_link` of the pinned azure-servicebus: the public methods settle
    only what their own receiver has received. `tests/contract/bus` holds it to this use.
    """

    def __init__(self, receiver: ServiceBusReceiver) -> None:
        self._receiver: Any = receiver

    async def complete_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        """Complete all, in one request unless one of them cannot be."""
        return await self._all_or_each("completed", messages)

    async def abandon_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        """Give all back, in one request unless one of them cannot be."""
        return await self._all_or_each("abandoned", messages)

    async def dead_letter_many(self, rejections: Sequence[Rejection]) -> list[Unsettled]:
        """Dead-letter each with its own texts, which takes a request each."""
        unsettled = []
        for rejection in rejections:
            reason, description = _texts(rejection)
            details = {"deadletter-reason": reason, "deadletter-description": description}
            unsettled += await self._settle("suspended", [rejection.message], details)
        return unsettled

    async def _all_or_each(self, status: str, messages: Sequence[Received]) -> list[Unsettled]:
        """The broker refuses a request as a whole when one lock is lost: then one by one."""
        if not messages or not await self._settle(status, messages):
            return []
        return [lost for one in messages for lost in await self._settle(status, [one])]

    async def _settle(
        self, status: str, messages: Sequence[Received], details: Mapping[str, str] | None = None
    ) -> list[Unsettled]:
        tokens = [uuid.UUID(message.lock_token) for message in messages]
        try:
            await self._receiver._open_with_retry()
            await self._receiver._settle_message_via_mgmt_link(status, tokens, details)
        except Exception as error:
            return [Unsettled(message, error) for message in messages]
        return []


def _texts(rejection: Rejection) -> tuple[str, str]:
    return rejection.reason[:MAX_TEXT_CHARS], rejection.description[:MAX_TEXT_CHARS]
