"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.completeness.forgetting import ForgetBefore
from shared.bus import once
from shared.service import ServiceCollaborators, opened
from shared.store.certificates import Certificates
from shared.store.ledger import Ledger
from shared.store.retention import RetentionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired(ServiceCollaborators):
    """The collaborators of the handlers and of the triggers."""

    ledger: Ledger
    certificates: Certificates
    forget_before: ForgetBefore
    retention: RetentionSettings


async def _build() -> Wired:
    retention = RetentionSettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("completeness"))
        return Wired(
            bus=service.bus,
            ledger=service.store.ledger,
            certificates=service.store.certificates,
            forget_before=service.store.forget_before,
            retention=retention,
            resources=opening.pop_all(),
        )


collaborators = once(_build)
