"""Performatives, delivery states, source, target and error (AMQP 1.0, 2.7, 2.8.14, 3.4, 3.5, 4.5,
5.3.3), field by field in the order of the standard."""

from __future__ import annotations

from typing import Any, NamedTuple

from infra.local.servicebus.amqp.composites import composite
from infra.local.servicebus.amqp.values import Symbol

ROLE_SENDER = False
ROLE_RECEIVER = True


@composite(0x10, "open", "string!", "string", "uint", "ushort", "uint", "symbols", "symbols",
           "symbols", "symbols", "map")  # fmt: skip
class Open(NamedTuple):
    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@composite(0x11, "begin", "ushort", "uint!", "uint!", "uint!", "uint", "symbols", "symbols", "map")
class Begin(NamedTuple):
    remote_channel: int | None = None
    next_outgoing_id: int = 0
    incoming_window: int = 0
    outgoing_window: int = 0
    handle_max: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@composite(0x12, "attach", "string!", "uint!", "boolean!", "ubyte", "ubyte", "composite",
           "composite", "map", "boolean", "uint", "ulong", "symbols", "symbols", "map")  # fmt: skip
class Attach(NamedTuple):
    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Any = None
    target: Any = None
    unsettled: dict[Any, Any] | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@composite(0x13, "flow", "uint", "uint!", "uint!", "uint!", "uint", "uint", "uint", "uint",
           "boolean", "boolean", "map")  # fmt: skip
class Flow(NamedTuple):
    next_incoming_id: int | None = None
    incoming_window: int = 0
    next_outgoing_id: int = 0
    outgoing_window: int = 0
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: dict[Any, Any] | None = None


@composite(0x14, "transfer", "uint!", "uint", "binary", "uint", "boolean", "boolean", "ubyte",
           "composite", "boolean", "boolean", "boolean")  # fmt: skip
class Transfer(NamedTuple):
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@composite(0x15, "disposition", "boolean!", "uint!", "uint", "boolean", "composite", "boolean")
class Disposition(NamedTuple):
    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


@composite(0x16, "detach", "uint!", "boolean", "composite")
class Detach(NamedTuple):
    handle: int
    closed: bool | None = None
    error: Any = None


@composite(0x17, "end", "composite")
class End(NamedTuple):
    error: Any = None


@composite(0x18, "close", "composite")
class Close(NamedTuple):
    error: Any = None


@composite(0x1D, "error", "symbol!", "string", "map")
class Error(NamedTuple):
    condition: str
    description: str | None = None
    info: dict[Any, Any] | None = None


@composite(0x23, "received", "uint!", "ulong!")
class Received(NamedTuple):
    section_number: int
    section_offset: int


@composite(0x24, "accepted")
class Accepted(NamedTuple):
    pass


@composite(0x25, "rejected", "composite")
class Rejected(NamedTuple):
    error: Any = None


@composite(0x26, "released")
class Released(NamedTuple):
    pass


@composite(0x27, "modified", "boolean", "boolean", "map")
class Modified(NamedTuple):
    delivery_failed: bool | None = None
    undeliverable_here: bool | None = None
    message_annotations: dict[Any, Any] | None = None


@composite(0x28, "source", "string", "uint", "symbol", "uint", "boolean", "map", "symbol", "map",
           "composite", "symbols", "symbols")  # fmt: skip
class Source(NamedTuple):
    address: str | None = None
    durable: int | None = 0
    expiry_policy: Symbol | None = None
    timeout: int | None = 0
    dynamic: bool | None = False
    dynamic_node_properties: dict[Any, Any] | None = None
    distribution_mode: Symbol | None = None
    filter: dict[Any, Any] | None = None
    default_outcome: Any = None
    outcomes: Any = None
    capabilities: Any = None


@composite(0x29, "target", "string", "uint", "symbol", "uint", "boolean", "map", "symbols")
class Target(NamedTuple):
    address: str | None = None
    durable: int | None = 0
    expiry_policy: Symbol | None = None
    timeout: int | None = 0
    dynamic: bool | None = False
    dynamic_node_properties: dict[Any, Any] | None = None
    capabilities: Any = None


@composite(0x30, "coordinator", "symbols")
class Coordinator(NamedTuple):
    capabilities: Any = None


@composite(0x31, "declare", "binary")
class Declare(NamedTuple):
    global_id: bytes | None = None


@composite(0x32, "discharge", "binary!", "boolean")
class Discharge(NamedTuple):
    txn_id: bytes
    fail: bool | None = None


@composite(0x33, "declared", "binary!")
class Declared(NamedTuple):
    txn_id: bytes


@composite(0x34, "transactional-state", "binary!", "composite")
class TransactionalState(NamedTuple):
    txn_id: bytes
    outcome: Any = None


@composite(0x40, "sasl-mechanisms", "symbols!")
class SaslMechanisms(NamedTuple):
    sasl_server_mechanisms: Any


@composite(0x41, "sasl-init", "symbol!", "binary", "string")
class SaslInit(NamedTuple):
    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


@composite(0x42, "sasl-challenge", "binary!")
class SaslChallenge(NamedTuple):
    challenge: bytes


@composite(0x43, "sasl-response", "binary!")
class SaslResponse(NamedTuple):
    response: bytes


@composite(0x44, "sasl-outcome", "ubyte!", "binary")
class SaslOutcome(NamedTuple):
    code: int
    additional_data: bytes | None = None


Outcome = Accepted | Rejected | Released | Modified
