"""The messages that are locked for running invocations, and how each one ends.

Host book-keeping of azure-functions.md 1.2 and 1.3: a message is settled once, either by the app
through the host (ServiceBusMessageActions) or by the host when the invocation ends.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageLockLostError

from infra.local.functions.bindings import lock_token
from infra.local.functions.message_source import MessageSource

_log = logging.getLogger(__name__)


class Ending(Enum):
    """How an invocation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Verdict(Enum):
    """What the host does with a message the app has not settled."""

    COMPLETE = "complete"
    ABANDON = "abandon"
    LEAVE = "leave to its lock"


# (how the invocation ended, autoCompleteMessages) -> what happens to an unsettled message
VERDICTS: dict[tuple[Ending, bool], Verdict] = {
    (Ending.SUCCEEDED, True): Verdict.COMPLETE,
    (Ending.SUCCEEDED, False): Verdict.LEAVE,
    (Ending.FAILED, True): Verdict.ABANDON,
    (Ending.FAILED, False): Verdict.ABANDON,
}


@dataclass(eq=False)
class LockedMessage:
    """One message in flight; `settled` says that nothing is left to do for it."""

    message: ServiceBusReceivedMessage
    source: MessageSource
    token: str
    settled: bool = False

    async def settle(self, act: Callable[[MessageSource], Awaitable[None]]) -> None:
        """Settle on the app's behalf; the SDK's error passes to the app, the host then abandons.

        After lock lost there is nothing the host could still do: it counts as settled.
        """
        try:
            await act(self.source)
        except MessageLockLostError:
            self.settled = True
            raise
        self.settled = True


class LockedMessages:
    """Every message in flight by its lock token: what the settlement service looks up."""

    def __init__(self) -> None:
        self._by_token: dict[str, LockedMessage] = {}

    def hold(
        self, messages: Iterable[ServiceBusReceivedMessage], source: MessageSource
    ) -> list[LockedMessage]:
        held = [LockedMessage(m, source, str(lock_token(m))) for m in messages]
        self._by_token.update((locked.token, locked) for locked in held)
        return held

    def find(self, token: str) -> LockedMessage | None:
        return self._by_token.get(token.lower())

    def let_go(self, held: Iterable[LockedMessage]) -> None:
        for locked in held:
            self._by_token.pop(locked.token, None)

    def __len__(self) -> int:
        return len(self._by_token)


async def settle_unsettled(locked: LockedMessage, verdict: Verdict, function: str) -> None:
    """Carry out the verdict unless the app settled it; a failure is logged, never raised.

    Whatever cannot be settled comes back when its lock ends, so nothing is lost.
    """
    if locked.settled or verdict is Verdict.LEAVE:
        return
    settle = locked.source.complete if verdict is Verdict.COMPLETE else locked.source.abandon
    try:
        await settle(locked.message)
    except MessageLockLostError:
        _log.error(
            "%s: the lock of message %s was lost before the host could %s it.",
            function,
            locked.message.message_id,
            verdict.value,
        )
    except Exception as error:
        _log.error(
            "%s: message %s could not be settled (%s: %s); it comes back when its lock ends.",
            function,
            locked.message.message_id,
            type(error).__name__,
            error,
        )
    locked.settled = True
