"""What tills and shops learn about customers: who they are, their points, their gift cards."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .facts import Fact
from .fields import (
    Code,
    CompanyCode,
    Currency,
    PositiveNumber,
    ShortText,
    Text,
    UtcMoment,
)
from .identity import TransactionKey
from .money import is_in_minor_units
from .personal import PERSONAL
from .reasons import Reason

CustomerSource = Literal["till", "shop", "dynamics"]


class _CustomerFact(Fact):
    """A customer as one system knows them; a field that is absent says nothing."""

    company: CompanyCode
    """Legal entity. Source: store configuration (Dynamics: dataAreaId)."""
    customer: Code
    """Customer number, unique in the company. Source: who registered the customer."""
    version: int = Field(ge=0, le=2**53)
    """Counts up with every change of this customer where it is made: in its source and store.
    Source: till or shop."""
    source: CustomerSource
    """Which kind of system says so. Source: publisher."""
    changed_at: UtcMoment
    """When it was entered. Source: clock of the source."""
    store: Code | None = None
    """Where it was entered; absent for a web shop. Source: till."""
    is_person: bool = True
    """Whether the customer is a person; else an organisation. Source: till or shop."""
    name: Annotated[Text | None, PERSONAL] = None
    """Full name. Source: customer."""
    email: Annotated[Text | None, PERSONAL] = None
    """E-mail address. Source: customer."""
    phone: Annotated[Text | None, PERSONAL] = None
    """Telephone number. Source: customer."""
    street: Annotated[Text | None, PERSONAL] = None
    """Street and house number. Source: customer."""
    city: Annotated[Text | None, PERSONAL] = None
    """City. Source: customer."""
    postal_code: Annotated[ShortText | None, PERSONAL] = None
    """Postal code. Source: customer."""
    country: Annotated[str | None, Field(pattern=r"^[A-Z]{2,3}$")] = None
    """ISO 3166-1 country code. Source: customer."""
    language: Annotated[str | None, Field(pattern=r"^[a-z]{2}(-[A-Za-z]{2,4})?$")] = None
    """BCP 47 language. Source: customer."""
    tax_number: Annotated[ShortText | None, PERSONAL] = None
    """VAT registration number. Source: customer."""
    loyalty_card: Annotated[ShortText | None, PERSONAL] = None
    """Loyalty card, never a payment card. Source: till."""

    def natural_key(self) -> str:
        """Return company, customer and who says so: each counts versions of its own."""
        where = f"/{self.store}" if self.store else ""
        return f"{self.company}/{self.customer}/{self.source}{where}"

    @property
    def fact_revision(self) -> int:
        return self.version

    @property
    def place(self) -> tuple[str, str] | None:
        return (self.company, self.store) if self.store else None


class CustomerRegistered(_CustomerFact):
    """A till or shop has a new customer."""

    TYPE: ClassVar[str] = "com.tillbus.customer-registered.v1"
    TOPIC: ClassVar[str] = "customer-registered"

    name: Annotated[Text, PERSONAL]
    """Full name. Source: customer."""


class CustomerUpdated(_CustomerFact):
    """A till or shop changed what it knows of a customer."""

    TYPE: ClassVar[str] = "com.tillbus.customer-updated.v1"
    TOPIC: ClassVar[str] = "customer-updated"


class _TransactionEntry(Fact):
    """Something that came about in a till transaction, beside its goods and payments.

    It uses no sequence number of its own: its transaction is a fact of its own too.
    """

    transaction: TransactionKey
    """The transaction it came about in. Source: till."""
    entry: int = Field(default=1, ge=1, le=1000)
    """Counts the entries of one kind within the transaction. Source: till."""
    occurred_at: UtcMoment
    """When. Source: till clock."""

    def natural_key(self) -> str:
        return f"{self.transaction}#{self.entry}"

    @property
    def place(self) -> tuple[str, str]:
        return self.transaction.company, self.transaction.store


class _PointsMoved(_TransactionEntry):
    card: Annotated[ShortText, PERSONAL]
    """Loyalty card, never a payment card. Source: till."""
    customer: Annotated[ShortText | None, PERSONAL] = None
    """Customer number, where known. Source: till."""
    points: PositiveNumber
    """How many. Source: till."""
    reward: Code = "POINTS"
    """Which kind of points. Source: store configuration."""


class LoyaltyEarned(_PointsMoved):
    """A customer earned points."""

    TYPE: ClassVar[str] = "com.tillbus.loyalty-earned.v1"
    TOPIC: ClassVar[str] = "loyalty-earned"


class LoyaltyRedeemed(_PointsMoved):
    """A customer paid with points."""

    TYPE: ClassVar[str] = "com.tillbus.loyalty-redeemed.v1"
    TOPIC: ClassVar[str] = "loyalty-redeemed"


class _GiftCardMoved(_TransactionEntry):
    card: ShortText
    """Number of the gift card, never a payment card. Source: till."""
    currency: Currency
    """Currency of card and amount. Source: till."""
    amount: PositiveNumber
    """By how much its balance changes, positive. Source: till."""

    @model_validator(mode="after")
    def _in_minor_units(self) -> Self:
        if not is_in_minor_units(self.amount, self.currency):
            raise PydanticCustomError(
                Reason.AMOUNTS_DO_NOT_ADD_UP.value,
                "the amount has a fraction below the minor unit of {currency}",
                {"currency": self.currency},
            )
        return self


class GiftCardSold(_GiftCardMoved):
    """A gift card was issued, or money was added to one."""

    TYPE: ClassVar[str] = "com.tillbus.gift-card-sold.v1"
    TOPIC: ClassVar[str] = "gift-card-sold"

    is_top_up: bool = False
    """Whether the card existed already. Source: till."""


class GiftCardRedeemed(_GiftCardMoved):
    """A gift card paid for goods."""

    TYPE: ClassVar[str] = "com.tillbus.gift-card-redeemed.v1"
    TOPIC: ClassVar[str] = "gift-card-redeemed"


class FeedbackGiven(Fact):
    """A customer said what they think."""

    TYPE: ClassVar[str] = "com.tillbus.feedback-given.v1"
    TOPIC: ClassVar[str] = "feedback-given"

    company: CompanyCode
    """Legal entity. Source: store configuration."""
    feedback: Code
    """Number of the feedback, unique in the company. Source: till, shop or survey."""
    customer: Annotated[Code, PERSONAL]
    """Customer number. Source: till, shop or survey."""
    is_person: bool = True
    """Whether the customer is a person; else an organisation. Source: till or shop."""
    given_at: UtcMoment
    """When. Source: clock of the publisher."""
    store: Code | None = None
    """Which store it is about. Source: till, shop or survey."""
    transaction: TransactionKey | None = None
    """Which transaction it is about. Source: receipt."""
    rating: int | None = Field(default=None, ge=0, le=10)
    """From 0 (worst) to 10 (best). Source: customer."""
    subject: Annotated[ShortText, PERSONAL] = "Feedback"
    """What it is about, in a few words. Source: till, shop or survey."""
    text: Annotated[Text, PERSONAL] = ""
    """What was said. Source: customer."""

    def natural_key(self) -> str:
        return f"{self.company}/{self.feedback}"

    @property
    def place(self) -> tuple[str, str] | None:
        return (self.company, self.store) if self.store else None
