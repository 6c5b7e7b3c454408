"""What the services publish: a document posted in Dynamics, or a fact refused for good."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self, get_args
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from .card_numbers import mask_card_numbers
from .facts import Fact
from .fields import (
    DETAIL_LENGTH,
    CompanyCode,
    Currency,
    Frozen,
    SignedAmount,
    UtcMoment,
)
from .identity import TransactionKey
from .personal import PERSONAL
from .reasons import Reason

_Name = Annotated[str, Field(min_length=1, max_length=128)]


def _fitting(length: int) -> BeforeValidator:
    """Shorten and mask what is quoted from elsewhere rather than fail to report it."""

    def fit(text: object) -> object:
        if not isinstance(text, str):
            return text
        return mask_card_numbers(text.replace("\x00", ""))[:length]

    return BeforeValidator(fit)


_Quoted = Annotated[str, _fitting(256), Field(max_length=256)]
_Detail = Annotated[str, _fitting(DETAIL_LENGTH), Field(max_length=DETAIL_LENGTH)]


Effect = Literal[
    "ledger",
    "cash",
    "stock",
    "customer",
    "contact",
    "points",
    "gift-card",
    "note",
    "order",
    "payment",
]
"""What a fact may bring about, each in one place: ledger is the money of a sale or return, cash the
movement of a drawer's money, customer the ERP's record of one and contact the CRM's."""

EFFECTS: tuple[Effect, ...] = get_args(Effect)


class DocumentRef(Frozen):
    """Where a document is found."""

    system: _Name
    """System that holds it, for example finance-operations. Source: service."""
    company: CompanyCode
    """Legal entity it is booked in. Source: service."""
    entity_set: _Name
    """OData entity set, for example RetailTransactions. Source: service."""
    key: Annotated[str, Field(min_length=1, max_length=1024)]
    """Key as it stands between the parentheses of the OData URL. Source: service."""


class DocumentPosted(Fact):
    """A fact has become a document in Dynamics."""

    TYPE: ClassVar[str] = "com.tillbus.document-posted.v1"
    TOPIC: ClassVar[str] = "document-posted"

    fact_id: UUID
    """Id of the event that was booked. Source: that event."""
    fact_type: _Name
    """Its type. Source: that event."""
    effect: Effect = "ledger"
    """Which of its effects this is. Source: service."""
    key: TransactionKey | None = None
    """Its transaction, where it has one. Source: that event."""
    subject: _Quoted = ""
    """Its natural key, where it has no transaction. Source: that event."""
    document: DocumentRef
    """What was booked. Source: Dynamics."""
    amount: SignedAmount = Decimal(0)
    """As booked: returns negative; 0 where no money is booked. Source: service."""
    currency: Currency | None = None
    """Currency of the amount; absent where no money is booked. Source: that event."""
    posted_at: UtcMoment
    """When the service learnt that it is booked. Source: service clock."""
    already_there: bool = False
    """Whether an earlier attempt had booked it. Source: service."""

    @model_validator(mode="after")
    def _says_of_what(self) -> Self:
        if self.key is None and not self.subject:
            raise PydanticCustomError(Reason.INVALID_DATA.value, "neither key nor subject is given")
        if self.amount and self.currency is None:
            raise PydanticCustomError(Reason.INVALID_DATA.value, "an amount has no currency")
        return self

    def natural_key(self) -> str:
        what = "" if self.effect == "ledger" else f"/{self.effect}"
        return f"{self.key or self.subject}/{self.document.system}/{self.fact_id}{what}"

    @property
    def place(self) -> tuple[str, str] | None:
        return (self.key.company, self.key.store) if self.key else None

    @property
    def signed_amount(self) -> Decimal:
        return self.amount


class DocumentRejected(Fact):
    """A message was refused for good; as much is said about it as could be read."""

    TYPE: ClassVar[str] = "com.tillbus.document-rejected.v1"
    TOPIC: ClassVar[str] = "document-rejected"

    fact_id: UUID | None = None
    """Id of the event refused; absent if it could not be read. Source: that event."""
    fact_type: _Quoted | None = None
    """Its type. Source: that event."""
    key: TransactionKey | None = None
    """Its transaction, where it has one. Source: that event."""
    message_id: _Quoted
    """Service Bus message id, possibly empty, cut at 256 characters. Source: bus."""
    subscription: _Name
    """Subscription in whose dead-letter queue it lies. Source: bus."""
    effect: Effect | None = None
    """Which effect of the fact is missing because of it, where it has several. Source: service."""
    reason: Reason
    """Why no redelivery can help. Source: service."""
    detail: Annotated[_Detail, PERSONAL]
    """Explanation for a person; cut at 1024 characters, card numbers masked; may quote what is said
    of a customer. Source: service."""
    rejected_at: UtcMoment
    """When it was refused. Source: service clock."""

    def natural_key(self) -> str:
        return f"{self.subscription}/{self.message_id}"

    @property
    def place(self) -> tuple[str, str] | None:
        return (self.key.company, self.key.store) if self.key else None
