"""A person's order to take back one effect of a fact whose other effects were refused."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from .documents import Effect
from .facts import Fact
from .fields import ShortText, Text, UtcMoment


class ReversalOrdered(Fact):
    """An operator decided that an effect which was booked is to be taken back.

    It carries the fact itself: whoever takes the effect back computes it as it was booked, with the
    sign turned.
    """

    TYPE: ClassVar[str] = "com.tillbus.reversal-ordered.v1"
    TOPIC: ClassVar[str] = "reversal-ordered"

    fact_id: UUID
    """Id of the event whose effect is taken back. Source: archive."""
    effect: Effect
    """Which effect. Source: operator."""
    event: dict[str, Any] = Field(default_factory=dict)
    """That event as it was archived, CloudEvents JSON. Source: archive."""
    reason: Text
    """Why. Source: operator."""
    ordered_by: ShortText
    """Who ordered it. Source: operator."""
    ordered_at: UtcMoment
    """When. Source: operator's clock."""

    def natural_key(self) -> str:
        return f"{self.fact_id}/{self.effect}"
