"""The host's gRPC Settlement service, which ServiceBusMessageActions calls from the app.

The service definition is the one shipped with azurefunctions-extensions-bindings-servicebus. It
runs on the trigger loop, never on the worker's: the app blocks on these calls.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from azure.servicebus.exceptions import ServiceBusError
from azurefunctions.extensions.bindings.protos.settlement_pb2_grpc import (
    SettlementServicer,
    add_SettlementServicer_to_server,
)
from google.protobuf.empty_pb2 import Empty

from infra.local.functions.locks import LockedMessage, LockedMessages

MAX_MESSAGE_BYTES = 100 * 1024 * 1024  # a session state or properties, never a message body


class SettlementService(SettlementServicer):  # type: ignore[misc]
    """Settles messages in flight by lock token; gRPC status NOT_FOUND for any other token."""

    def __init__(self, locks: LockedMessages) -> None:
        self._locks = locks

    async def Complete(self, request: Any, context: Any) -> Any:  # noqa: N802
        locked = await self._locked(request, context)
        return await self._settle(
            context, locked.settle(lambda source: source.complete(locked.message))
        )

    async def Abandon(self, request: Any, context: Any) -> Any:  # noqa: N802
        locked = await self._locked(request, context)
        return await self._settle(
            context, locked.settle(lambda source: source.abandon(locked.message))
        )

    async def Defer(self, request: Any, context: Any) -> Any:  # noqa: N802
        locked = await self._locked(request, context)
        return await self._settle(
            context, locked.settle(lambda source: source.defer(locked.message))
        )

    async def Deadletter(self, request: Any, context: Any) -> Any:  # noqa: N802
        locked = await self._locked(request, context)
        reason = request.deadletterReason.value or None
        description = request.deadletterErrorDescription.value or None
        return await self._settle(
            context,
            locked.settle(lambda source: source.dead_letter(locked.message, reason, description)),
        )

    async def RenewMessageLock(self, request: Any, context: Any) -> Any:  # noqa: N802
        locked = await self._locked(request, context)

        async def renew() -> None:
            await locked.source.renew_lock(locked.message)

        return await self._settle(context, renew())

    async def GetSessionState(self, _request: Any, context: Any) -> Any:  # noqa: N802
        await _no_sessions(context)

    SetSessionState = ReleaseSession = RenewSessionLock = GetSessionState

    async def _locked(self, request: Any, context: Any) -> LockedMessage:
        locked = self._locks.find(request.locktoken)
        if locked is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"No running invocation holds a message with lock token {request.locktoken}.",
            )
        if getattr(request, "propertiesToModify", b""):
            await context.abort(
                grpc.StatusCode.UNIMPLEMENTED, "This host cannot change properties on settling."
            )
        assert locked is not None  # abort raises
        return locked

    async def _settle(self, context: Any, settling: Awaitable[None]) -> Empty:
        try:
            await settling
        except ServiceBusError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")
        return Empty()


async def _no_sessions(context: Any) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "This host does not dispatch sessions yet.")


async def serve_settlement(
    locks: LockedMessages, host: str
) -> tuple[int, Callable[[], Awaitable[None]]]:
    """Start the service on a free port; return the port and how to stop it."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ]
    )
    add_SettlementServicer_to_server(SettlementService(locks), server)
    port = server.add_insecure_port(f"{host}:0")
    await server.start()

    async def stop() -> None:
        await server.stop(grace=1)

    return port, stop
