"""The contracts: one frozen model per fact, its envelope, and what must hold of it."""

from __future__ import annotations

from .basket import (
    Discount,
    EInvoiceStamp,
    OriginalLine,
    ReturnLine,
    SaleLine,
    TaxAmount,
    TaxInvoice,
    Tender,
)
from .customers import (
    CustomerRegistered,
    CustomerUpdated,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    LoyaltyEarned,
    LoyaltyRedeemed,
)
from .day import CounterReset, StoreDayClosed, TenderTotal, TerminalDay
from .documents import EFFECTS, DocumentPosted, DocumentRef, DocumentRejected, Effect
from .envelope import (
    BACKFILL,
    CONTENT_TYPE,
    MAX_BODY_BYTES,
    EnvelopeHead,
    Event,
    InvalidEvent,
    decode,
    encode,
    new_event,
    routing_properties,
)
from .facts import Fact, transaction_of
from .identity import TransactionKey, fact_id
from .money import (
    MINOR_UNITS,
    UnknownCurrency,
    extended_amount,
    minor_units,
    round_money,
    smallest_amount,
)
from .orders import (
    DeliveryAddress,
    OrderCancelled,
    OrderChanged,
    OrderLine,
    OrderPlaced,
    OrderStatusChanged,
    PaymentCaptured,
)
from .personal import (
    ERASED,
    PERSONAL,
    personal_fields,
    personal_texts,
    without_personal_fields,
)
from .reasons import REASONS, Reason, ReasonHelp
from .reversal import ReversalOrdered
from .sale import SaleCompleted, SaleReturned
from .schemas import json_schemas
from .stock import AdjustedLine, CountedLine, InventoryAdjusted, StockCounted
from .till_transactions import (
    CashMoved,
    CountedTender,
    SaleVoided,
    StoreDayOpened,
    TenderDeclared,
    TransactionRecorded,
)
from .versions import FACTS

__all__ = [
    "BACKFILL",
    "CONTENT_TYPE",
    "EFFECTS",
    "ERASED",
    "FACTS",
    "MAX_BODY_BYTES",
    "MINOR_UNITS",
    "PERSONAL",
    "REASONS",
    "AdjustedLine",
    "CashMoved",
    "CountedLine",
    "CountedTender",
    "CounterReset",
    "CustomerRegistered",
    "CustomerUpdated",
    "DeliveryAddress",
    "Discount",
    "DocumentPosted",
    "DocumentRef",
    "DocumentRejected",
    "EInvoiceStamp",
    "Effect",
    "EnvelopeHead",
    "Event",
    "Fact",
    "FeedbackGiven",
    "GiftCardRedeemed",
    "GiftCardSold",
    "InvalidEvent",
    "InventoryAdjusted",
    "LoyaltyEarned",
    "LoyaltyRedeemed",
    "OrderCancelled",
    "OrderChanged",
    "OrderLine",
    "OrderPlaced",
    "OrderStatusChanged",
    "OriginalLine",
    "PaymentCaptured",
    "Reason",
    "ReasonHelp",
    "ReturnLine",
    "ReversalOrdered",
    "SaleCompleted",
    "SaleLine",
    "SaleReturned",
    "SaleVoided",
    "StockCounted",
    "StoreDayClosed",
    "StoreDayOpened",
    "TaxAmount",
    "TaxInvoice",
    "Tender",
    "TenderDeclared",
    "TenderTotal",
    "TerminalDay",
    "TransactionKey",
    "TransactionRecorded",
    "UnknownCurrency",
    "decode",
    "encode",
    "extended_amount",
    "fact_id",
    "json_schemas",
    "minor_units",
    "new_event",
    "personal_fields",
    "personal_texts",
    "round_money",
    "routing_properties",
    "smallest_amount",
    "transaction_of",
    "without_personal_fields",
]
