"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.completeness.forgetting import ForgetBefore
from shared.bus import BusCollaborators, once
from shared.clock import Clock
from shared.service import opened
from shared.store.certificates import Certificates
from shared.store.ledger import Ledger
from shared.store.retention import RetentionSettings


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the trigger."""

    bus: BusCollaborators
    clock: Clock
    ledger: Ledger
    certificates: Certificates
    forget_before: ForgetBefore
    retention: RetentionSettings
    resources: AsyncExitStack

    async def aclose(self) -> None:
        """Close the connections to bus and store."""
        await self.resources.aclose()


async def _build() -> Wired:
    retention = RetentionSettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("completeness"))
        return Wired(
            bus=service.bus,
            clock=service.bus.clock,
            ledger=service.store.ledger,
            certificates=service.store.certificates,
            forget_before=service.store.forget_before,
            retention=retention,
            resources=opening.pop_all(),
        )


collaborators = once(_build)
