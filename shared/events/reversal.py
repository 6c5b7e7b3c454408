"""A person's order to take back one effect of a fact whose other effects were refused."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .card_numbers import LONGEST_GTIN, holds_card_number
from .documents import Effect
from .facts import Fact
from .fields import ShortText, Text, UtcMoment
from .personal import PERSONAL
from .reasons import Reason
from .unknown_fields import texts_in


def _without_card_numbers(event: dict[str, Any]) -> dict[str, Any]:
    # The event was held to the whole rule when it came in; its barcodes are not to be refused now.
    if any(holds_card_number(text, shortest=LONGEST_GTIN + 1) for text in texts_in([event])):
        raise PydanticCustomError(Reason.CARD_NUMBER.value, "looks like a payment card number")
    return event


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
    event: Annotated[dict[str, Any], AfterValidator(_without_card_numbers), PERSONAL] = Field(
        default_factory=dict
    )
    """That event as it was archived, CloudEvents JSON; empty once its subject is erased.
    Source: archive."""
    reason: Text
    """Why. Source: operator."""
    ordered_by: ShortText
    """Who ordered it. Source: operator."""
    ordered_at: UtcMoment
    """When. Source: operator's clock."""

    def natural_key(self) -> str:
        return f"{self.fact_id}/{self.effect}"
