"""The contracts: one frozen model per fact, its envelope, and what must hold of it."""

from __future__ import annotations

from .basket import Discount, OriginalLine, ReturnLine, SaleLine, TaxAmount, Tender
from .day import StoreDayClosed, TenderTotal, TerminalDay
from .documents import DocumentPosted, DocumentRef, DocumentRejected
from .envelope import (
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
from .facts import Fact
from .identity import TransactionKey, fact_id
from .money import (
    MINOR_UNITS,
    UnknownCurrency,
    extended_amount,
    minor_units,
    round_money,
    smallest_amount,
)
from .reasons import REASONS, Reason, ReasonHelp
from .sale import SaleCompleted, SaleReturned
from .schemas import json_schemas
from .versions import FACTS

__all__ = [
    "CONTENT_TYPE",
    "FACTS",
    "MAX_BODY_BYTES",
    "MINOR_UNITS",
    "REASONS",
    "Discount",
    "DocumentPosted",
    "DocumentRef",
    "DocumentRejected",
    "EnvelopeHead",
    "Event",
    "Fact",
    "InvalidEvent",
    "OriginalLine",
    "Reason",
    "ReasonHelp",
    "ReturnLine",
    "SaleCompleted",
    "SaleLine",
    "SaleReturned",
    "StoreDayClosed",
    "TaxAmount",
    "Tender",
    "TenderTotal",
    "TerminalDay",
    "TransactionKey",
    "UnknownCurrency",
    "decode",
    "encode",
    "extended_amount",
    "fact_id",
    "json_schemas",
    "minor_units",
    "new_event",
    "round_money",
    "routing_properties",
    "smallest_amount",
]
