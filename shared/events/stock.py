"""What happens to stock in a store without a sale: adjustments, transfers, counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .basket import MAX_LINES
from .exact import Exact
from .facts import Fact
from .fields import Code, CompanyCode, Frozen, Identifier, ShortText, UtcMoment
from .reasons import Reason

AdjustmentKind = Literal["received", "damaged", "shrunk", "adjusted", "transferred"]
"""received adds, damaged and shrunk and transferred take away, adjusted says so by its sign."""

Quantity = Annotated[Decimal, Exact("-?")]
"""Units of stock, signed, up to six decimals."""
CountedQuantity = Annotated[Decimal, Exact()]
"""Units counted: zero or more."""


class StockLine(Frozen):
    """One article whose stock changes, or was counted."""

    number: int = Field(ge=1, le=100_000)
    """Line number, unique in the document. Source: till or handheld."""
    item: Identifier
    """Article number (Dynamics: ItemNumber). Source: article master."""
    variant: Identifier | None = None
    """Size, colour or style of the article. Source: article master."""
    unit: ShortText = "EA"
    """Unit of the quantity. Source: article master."""


class AdjustedLine(StockLine):
    """A change."""

    quantity: Quantity
    """Units; positive but for an adjustment that takes away. Source: till or handheld."""


class CountedLine(StockLine):
    """What was there."""

    quantity: CountedQuantity
    """Units counted. Source: handheld."""


class _StockDocument(Fact):
    """What adjustments and counts share."""

    company: CompanyCode
    """Legal entity the store belongs to. Source: store configuration (Dynamics: dataAreaId)."""
    store: Code
    """Store number. Source: store configuration."""
    document: Code
    """Number of the document, unique within the store for ever. Source: till or handheld."""
    revision: int = Field(default=0, ge=0, le=9999)
    """0 as first published; a correction is refused once the document is booked. Source: till."""
    observed_at: UtcMoment
    """When it happened, or when the count was finished: later changes add to a count, earlier ones
    are part of it. Source: clock of till or handheld."""
    location: ShortText | None = None
    """Place within the store; absent where the store is one place. Source: store configuration."""

    def natural_key(self) -> str:
        return f"{self.company}/{self.store}/{self.document}"

    @property
    def fact_revision(self) -> int:
        return self.revision

    @property
    def place(self) -> tuple[str, str]:
        return self.company, self.store


class InventoryAdjusted(_StockDocument):
    """Stock of a store changed by what is no sale."""

    TYPE: ClassVar[str] = "com.tillbus.inventory-adjusted.v1"
    TOPIC: ClassVar[str] = "inventory-adjusted"

    kind: AdjustmentKind
    """Why. Source: till or handheld."""
    to_store: Code | None = None
    """Of a transfer: the store the goods go to. Source: till or handheld."""
    reason: ShortText | None = None
    """Reason code. Source: staff."""
    lines: tuple[AdjustedLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What changed. Source: till or handheld."""

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if (self.kind == "transferred") != (self.to_store is not None):
            self._refuse("to_store belongs to a transfer, and only to it")
        if self.to_store == self.store:
            self._refuse("a transfer leads to another store")
        if any(line.quantity == 0 for line in self.lines):
            self._refuse("a line changes nothing")
        if self.kind != "adjusted" and any(line.quantity < 0 for line in self.lines):
            self._refuse("only an adjustment has negative quantities")
        _check_line_numbers(self.lines)
        return self

    def _refuse(self, sentence: str) -> None:
        raise PydanticCustomError(Reason.INVALID_DATA.value, "{text}", {"text": sentence})


class StockCounted(_StockDocument):
    """Stock of a store was counted: what is named was there, at that moment, absolutely."""

    TYPE: ClassVar[str] = "com.tillbus.stock-counted.v1"
    TOPIC: ClassVar[str] = "stock-counted"

    lines: tuple[CountedLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What was counted; articles not named were not counted. Source: handheld."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _check_line_numbers(self.lines)
        if len({(line.item, line.variant) for line in self.lines}) < len(self.lines):
            raise PydanticCustomError(
                Reason.INVALID_DATA.value, "an article is counted twice in one document"
            )
        return self


def _check_line_numbers(lines: tuple[StockLine, ...]) -> None:
    if len({line.number for line in lines}) < len(lines):
        raise PydanticCustomError(Reason.INVALID_DATA.value, "two lines have the same line number")
