"""ServiceBusMessageActions, the real client, against the host's settlement service."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageLockLostError
from azurefunctions.extensions.bindings.servicebus import ServiceBusMessageActions
from azurefunctions.extensions.bindings.servicebus.serviceBusMessageActions import SettlementError

from infra.local.functions.locks import LockedMessage, LockedMessages
from infra.local.functions.settlement import serve_settlement
from tests.unit.functions.fakes import MemorySource, received


@dataclass
class Bench:
    source: MemorySource
    message: ServiceBusReceivedMessage
    locked: LockedMessage
    actions: ServiceBusMessageActions

    async def call(self, method: Callable[..., Any], *arguments: Any) -> None:
        """Call as an app's thread does: the client blocks."""
        await asyncio.to_thread(method, *arguments)


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    locks, source, message = LockedMessages(), MemorySource(), received("m-1")
    (locked,) = locks.hold([message], source)
    port, stop = await serve_settlement(locks, "127.0.0.1")
    arguments = ["--host", "127.0.0.1", "--port", str(port)]
    monkeypatch.setattr(
        sys, "argv", ["host", *arguments, "--functions-grpc-max-message-length", "4194304"]
    )
    yield Bench(source, message, locked, ServiceBusMessageActions())
    await stop()


@pytest.mark.parametrize("how", ["complete", "abandon", "defer"])
async def test_message_is_settled_once_through_the_host(bench: Bench, how: str) -> None:
    await bench.call(getattr(bench.actions, how), bench.message)

    assert bench.source.settled == [(how, "m-1")]
    assert bench.locked.settled


async def test_dead_letter_brings_reason_and_description(bench: Bench) -> None:
    await bench.call(bench.actions.deadletter, bench.message, "card-number", "line 2: ü")

    assert bench.source.settled == [("dead-letter card-number: line 2: ü", "m-1")]


async def test_renewal_settles_nothing(bench: Bench) -> None:
    await bench.call(bench.actions.renew_message_lock, bench.message)

    assert bench.source.renewals == 1
    assert not bench.locked.settled


async def test_unknown_lock_token_is_an_error_for_the_app(bench: Bench) -> None:
    with pytest.raises(SettlementError, match="No running invocation holds"):
        await bench.call(bench.actions.complete, received("stranger"))


async def test_broker_error_reaches_the_app(bench: Bench) -> None:
    bench.source.error = MessageLockLostError(message="gone")

    with pytest.raises(SettlementError, match="MessageLockLostError"):
        await bench.call(bench.actions.complete, bench.message)

    assert bench.locked.settled


async def test_sessions_are_refused_in_words(bench: Bench) -> None:
    with pytest.raises(SettlementError, match="sessions"):
        await bench.call(bench.actions.release_session, "s-1")
