"""What a web shop publishes: orders, their changes, payments; and what becomes of an order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .basket import MAX_LINES, TenderType
from .facts import Fact
from .fields import (
    Amount,
    Code,
    CompanyCode,
    Currency,
    Frozen,
    Identifier,
    PositiveNumber,
    ShortText,
    Text,
    UtcMoment,
)
from .money import extended_amount, is_in_minor_units
from .personal import PERSONAL
from .reasons import Reason

OrderStatus = Literal["confirmed", "declined", "changed", "cancelled"]
DeclineReason = Literal[
    "credit-limit", "customer-on-hold", "price-differs", "unknown-customer", "too-late"
]


class OrderLine(Frozen):
    """One article ordered."""

    number: int = Field(ge=1, le=100_000)
    """Line number, unique in the order. Source: shop."""
    item: Identifier
    """Article number. Source: article master."""
    variant: Identifier | None = None
    """Size, colour or style. Source: article master."""
    description: Text = ""
    """Text shown to the customer. Source: article master."""
    unit: ShortText = "EA"
    """Unit of the quantity. Source: article master."""
    quantity: PositiveNumber
    """Units ordered. Source: customer."""
    unit_price: Amount
    """Price of one unit that was shown, before discount. Source: shop."""
    discount: Amount = Decimal(0)
    """Reduction of the whole line. Source: shop."""

    def price_in(self, currency: str) -> Decimal:
        """Return what the line costs after its discount, in minor units of the currency."""
        return extended_amount(self.quantity, self.unit_price, currency) - self.discount


class DeliveryAddress(Frozen):
    """Where the goods go."""

    name: Annotated[Text, PERSONAL] = ""
    """Who receives them. Source: customer."""
    street: Annotated[Text, PERSONAL] = ""
    """Street and house number. Source: customer."""
    city: Annotated[Text, PERSONAL] = ""
    """City. Source: customer."""
    postal_code: Annotated[Text, PERSONAL] = ""
    """Postal code. Source: customer."""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2,3})?$")] = ""
    """ISO 3166-1 country code. Source: customer."""


class _OrderFact(Fact):
    company: CompanyCode
    """Legal entity that sells. Source: shop configuration."""
    order: Code
    """Order number, unique in the company. Source: shop."""

    def natural_key(self) -> str:
        return f"{self.company}/{self.order}"


class _OrderContent(_OrderFact):
    """What an order says, as placed or after a change."""

    version: int = Field(default=0, ge=0, le=2**31)
    """0 as placed; every change counts up. Source: shop."""
    customer: Annotated[Code, PERSONAL]
    """Customer number. Source: shop."""
    currency: Currency
    """Currency of every amount. Source: shop."""
    prices_include_tax: bool
    """Whether prices and discounts contain the taxes. Source: shop configuration."""
    lines: tuple[OrderLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What is ordered. Source: shop."""
    total: Amount
    """Sum of the lines after discounts, in minor units. Source: shop."""
    store: Code | None = None
    """Store the goods come from or are collected at. Source: shop."""
    requested_day: date | None = None
    """When they are wanted. Source: customer."""
    delivery: DeliveryAddress | None = None
    """Where they go; absent for the customer's own address. Source: customer."""
    on_account: bool = False
    """Whether it is to be paid on account: credit is checked before it is confirmed.
    Source: shop."""
    contract_price: bool = False
    """Whether the prices are agreed ones: they are checked before it is confirmed. Source: shop."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        contradiction = self._first_contradiction()
        if contradiction:
            raise PydanticCustomError(
                Reason.AMOUNTS_DO_NOT_ADD_UP.value, "{text}", {"text": contradiction}
            )
        return self

    def _first_contradiction(self) -> str | None:
        if len({line.number for line in self.lines}) < len(self.lines):
            return "two lines have the same line number"
        amounts = [line.discount for line in self.lines] + [self.total]
        if not all(is_in_minor_units(amount, self.currency) for amount in amounts):
            return f"an amount has a fraction below the minor unit of {self.currency}"
        prices = [line.price_in(self.currency) for line in self.lines]
        for line, price in zip(self.lines, prices, strict=True):
            if price < 0:
                return f"line {line.number}: the discount is more than the price"
        lines = sum(prices, Decimal(0))
        return None if lines == self.total else f"total is {self.total}, lines are {lines}"

    @property
    def fact_revision(self) -> int:
        return self.version

    @property
    def place(self) -> tuple[str, str] | None:
        return (self.company, self.store) if self.store else None

    @property
    def signed_amount(self) -> Decimal:
        return self.total


class OrderPlaced(_OrderContent):
    """A customer ordered in a web shop."""

    TYPE: ClassVar[str] = "com.tillbus.order-placed.v1"
    TOPIC: ClassVar[str] = "order-placed"

    placed_at: UtcMoment
    """When. Source: shop clock."""


class OrderChanged(_OrderContent):
    """An order was changed; it says the whole order as it is now."""

    TYPE: ClassVar[str] = "com.tillbus.order-changed.v1"
    TOPIC: ClassVar[str] = "order-changed"

    version: int = Field(ge=1, le=2**31)
    """Counts the changes, from 1. Source: shop."""
    changed_at: UtcMoment
    """When. Source: shop clock."""


class OrderCancelled(_OrderFact):
    """An order was cancelled as a whole."""

    TYPE: ClassVar[str] = "com.tillbus.order-cancelled.v1"
    TOPIC: ClassVar[str] = "order-cancelled"

    cancelled_at: UtcMoment
    """When. Source: shop clock."""
    reason: Annotated[ShortText | None, PERSONAL] = None
    """Why. Source: customer or shop."""


class PaymentCaptured(_OrderFact):
    """Money for an order has been taken from the customer."""

    TYPE: ClassVar[str] = "com.tillbus.payment-captured.v1"
    TOPIC: ClassVar[str] = "payment-captured"

    payment: Code
    """Number of the payment, unique within the order. Source: payment provider."""
    customer: Annotated[Code, PERSONAL]
    """Customer number. Source: shop."""
    method: TenderType
    """Means of payment. Source: shop."""
    currency: Currency
    """Currency of the amount. Source: shop."""
    amount: PositiveNumber
    """What was taken, in minor units. Source: payment provider."""
    captured_at: UtcMoment
    """When. Source: payment provider."""

    @model_validator(mode="after")
    def _in_minor_units(self) -> Self:
        if not is_in_minor_units(self.amount, self.currency):
            raise PydanticCustomError(
                Reason.AMOUNTS_DO_NOT_ADD_UP.value,
                "the amount has a fraction below the minor unit of {currency}",
                {"currency": self.currency},
            )
        return self

    def natural_key(self) -> str:
        return f"{self.company}/{self.order}/{self.payment}"

    @property
    def signed_amount(self) -> Decimal:
        return self.amount


class OrderStatusChanged(_OrderFact):
    """What became of an order: the answer the shop waits for before it tells the customer."""

    TYPE: ClassVar[str] = "com.tillbus.order-status-changed.v1"
    TOPIC: ClassVar[str] = "order-status-changed"

    version: int = Field(default=0, ge=0, le=2**31)
    """Version of the order it answers. Source: order."""
    status: OrderStatus
    """What became of it. Source: service."""
    reason: DeclineReason | None = None
    """Why it was declined. Source: service."""
    detail: Text = ""
    """The same for a person, without personal data. Source: service."""
    document: ShortText | None = None
    """Number of the sales order in Dynamics. Source: Dynamics."""
    changed_at: UtcMoment
    """When the service decided. Source: service clock."""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.status == "declined") != (self.reason is not None):
            raise PydanticCustomError(
                Reason.INVALID_DATA.value, "a reason belongs to a declined order, and only to it"
            )
        return self

    def natural_key(self) -> str:
        return f"{self.company}/{self.order}/{self.version}/{self.status}"
