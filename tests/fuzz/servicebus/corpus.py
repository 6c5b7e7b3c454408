"""Valid bytes to begin with: values, messages, and conversations as lists of frame bodies."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from infra.local.servicebus.amqp import (
    Array,
    Described,
    Header,
    Properties,
    Symbol,
    Timestamp,
    UInt,
    ULong,
    encode_message,
    encode_value,
)
from infra.local.servicebus.amqp.composites import encode_composite
from infra.local.servicebus.amqp.encode import encode_described
from infra.local.servicebus.amqp.message import VALUE
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Coordinator,
    Declare,
    Detach,
    Discharge,
    Disposition,
    End,
    Error,
    Flow,
    Modified,
    Open,
    Rejected,
    Source,
    Target,
    TransactionalState,
    Transfer,
)
from infra.local.servicebus.amqp.values import UShort

SOME_UUID = uuid.UUID(int=7)
VALUES: list[Any] = [
    None,
    True,
    -1,
    1 << 62,
    1.5,
    "text",
    b"bytes",
    Symbol("symbol"),
    SOME_UUID,
    Timestamp(1_700_000_000_000),
    UInt(300),
    ULong(1 << 63),
    [1, "two", [None, {}]],
    {"key": [1.0], Symbol("other"): {1: b"x"}},
    Array(0xB3, [Symbol("a"), Symbol("b")]),
    Described(ULong(0x70), [True, None]),
    "x" * 300,
]
PROPERTIES = Properties("id", b"user", "to", "subject", "answers", SOME_UUID, group_id="session")
MESSAGES = [
    encode_message(value="hello"),
    encode_message(data=[b"one", b"two"]),
    encode_message(
        header=Header(True, 4, 60_000, False, 1),
        delivery_annotations={"x-opt": 1},
        message_annotations={
            "x-opt-scheduled-enqueue-time": Timestamp(1),
            "x-opt-partition-key": "key",
        },
        properties=PROPERTIES,
        application_properties={"amount": 5, "name": "till"},
        sequence=[[1, 2], ["three"]],
        footer={"f": 1},
    ),
]
BATCH = encode_message(data=MESSAGES)


def _requests() -> Iterator[bytes]:
    bodies: dict[str, Any] = {
        "peek-message": {"from-sequence-number": 1, "message-count": 5},
        "renew-lock": {"lock-tokens": Array(0x98, [SOME_UUID])},
        "receive-by-sequence-number": {
            "sequence-numbers": Array(0x81, [1]),
            "receiver-settle-mode": UInt(1),
        },
        "update-disposition": {
            "disposition-status": "completed",
            "lock-tokens": Array(0x98, [SOME_UUID]),
        },
        "schedule-message": {"messages": [{"message-id": "1", "message": MESSAGES[2]}]},
        "cancel-scheduled-message": {"sequence-numbers": Array(0x81, [1])},
        "get-session-state": {"session-id": "s"},
        "set-session-state": {"session-id": "s", "session-state": b"state"},
        "renew-session-lock": {"session-id": "s"},
        "get-message-sessions": {
            "last-updated-time": Timestamp(253402300800000),
            "skip": UInt(0),
            "top": UInt(10),
        },
        "add-rule": {"rule-name": "r", "rule-description": {"sql-filter": {"expression": "1=1"}}},
        "enumerate-rules": {"skip": UInt(0), "top": UInt(10)},
        "batch-delete-messages": {"message-count": UInt(3), "enqueued-time-utc": Timestamp(9)},
    }
    for operation, body in bodies.items():
        yield encode_message(
            properties=Properties(message_id="1", reply_to="answers"),
            application_properties={"operation": f"com.microsoft:{operation}"},
            value=body,
        )


def frames(*performatives: Any) -> list[bytes]:
    """Each a performative, or a (performative, payload)."""
    return [
        encode_composite(each[0]) + each[1] if type(each) is tuple else encode_composite(each)
        for each in performatives
    ]


def _command(command: Any) -> bytes:
    return encode_described(VALUE, encode_composite(command))


HELLO = frames(
    Open("fuzz", max_frame_size=4096, channel_max=UShort(9), idle_time_out=60_000),
    Begin(None, 0, 1000, 1000),
)
SEND = frames(
    Attach("out", 0, False, 0, 0, Source("me"), Target("q"), initial_delivery_count=0),
    (Transfer(0, 0, b"0", 0, False), MESSAGES[0]),
    (Transfer(0, 1, b"1", 0x80013700, False), BATCH),
    (Transfer(0, 2, b"2", 0, True, True), MESSAGES[2][:20]),
    (Transfer(0, more=False), MESSAGES[2][20:]),
    Transfer(0, 3, b"3", 0, False, True),
    Transfer(0, aborted=True),
)
RECEIVE = frames(
    Attach("in", 1, True, 0, 1, Source("q"), Target("me")),
    Flow(0, 1000, 0, 1000, 1, 0, 10),
    Disposition(True, 0, 1, False, Accepted()),
    Disposition(
        True, 2, None, False, Rejected(Error("com.microsoft:dead-letter", "why", {"k": 1}))
    ),
    Disposition(True, 3, None, False, Modified(True, False, {Symbol("a"): 1})),
    Flow(4, 0, 0, 1000, 1, 4, 5, None, True, True),
    Detach(1, False),
)
SESSION = frames(
    Attach(
        "session",
        2,
        True,
        source=Source("s", filter={Symbol("com.microsoft:session-filter"): "one"}),
        properties={Symbol("com.microsoft:timeout"): UInt(10)},
    ),
    Flow(0, 1000, 0, 1000, 2, 0, 10),
)
TRANSACT = frames(
    Attach("coordinator", 3, False, target=Coordinator()),
    (Transfer(3, 0, b"0", 0, False), _command(Declare())),
    Attach("out", 0, False, target=Target("q")),
    (Transfer(0, 1, b"1", 0, False, state=TransactionalState(b"txn")), MESSAGES[0]),
    Disposition(True, 0, None, False, TransactionalState(b"txn", Accepted())),
    (Transfer(3, 2, b"2", 0, False), _command(Discharge(b"txn", False))),
)
MANAGE = frames(
    Attach("ask", 4, False, target=Target("q/$management")),
    Attach("answers", 5, True, source=Source("q/$management"), target=Target("answers")),
    Flow(0, 1000, 0, 1000, 5, 0, 100),
    *((Transfer(4, at, b"%d" % at, 0, False), data) for at, data in enumerate(_requests())),
)
GOODBYE = frames(End(), Close())
CONVERSATIONS = [
    [*HELLO, *part, *GOODBYE] for part in (SEND, RECEIVE, SESSION, TRANSACT, MANAGE)
] + [[*HELLO, *SEND, *RECEIVE, *TRANSACT, *MANAGE]]


def pack(bodies: list[bytes]) -> bytes:
    """A conversation as one input: each frame body after its length in two bytes, so that changed
    bytes still make frames."""
    return b"".join(len(body).to_bytes(2) + body for body in bodies)


def unpack(data: bytes) -> Iterator[bytes]:
    position = 0
    while position + 2 <= len(data):
        size = int.from_bytes(data[position : position + 2])
        yield data[position + 2 : position + 2 + size]
        position += 2 + size


_PACKED = [pack(conversation) for conversation in CONVERSATIONS]
SEEDS: dict[str, list[bytes]] = {
    "value": [encode_value(value) for value in VALUES],
    "message": [*MESSAGES, BATCH, *_requests()],
    "frames": _PACKED,
    "connection": _PACKED,
    "bus": _PACKED,
}

_INTERESTING = (0, 1, 0x40, 0x45, 0x53, 0x7F, 0x80, 0xA1, 0xB0, 0xC0, 0xC1, 0xD0, 0xE0, 0xF0, 0xFF)


def changed(name: str, chance: Random) -> bytes:
    """Return a new input for the target."""
    seeds = SEEDS[name]
    how = mutate_conversation if seeds is _PACKED and chance.random() < 0.7 else mutate
    return how(chance.choice(seeds), chance, seeds)


def mutate(data: bytes, chance: Random, seeds: list[bytes]) -> bytes:
    """Change a few places, as a coverage-guided fuzzer does; for runs without one."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        chance.choice(_MUTATIONS)(changed, chance, seeds)
    return bytes(changed)


def mutate_conversation(data: bytes, chance: Random, seeds: list[bytes]) -> bytes:
    """Change a few frames, or which there are and in which order; the others stay valid."""
    bodies = list(unpack(data))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(bodies) + 1)
        match chance.randrange(5):
            case 0:
                bodies[at : at + 1] = bodies[at : at + 1] * 2
            case 1:
                del bodies[at : at + 1]
            case 2:
                bodies.insert(at, chance.choice(list(unpack(chance.choice(seeds)))))
            case _ if bodies:
                at %= len(bodies)
                bodies[at] = mutate(bodies[at], chance, seeds)[:65535]
    return pack(bodies)


def _place(data: bytearray, chance: Random) -> int:
    return chance.randrange(len(data) + 1)


def _flip(data: bytearray, chance: Random, _seeds: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: Random, _seeds: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice(_INTERESTING)


def _cut(data: bytearray, chance: Random, _seeds: list[bytes]) -> None:
    at = _place(data, chance)
    del data[at : at + chance.randint(1, 40)]


def _insert(data: bytearray, chance: Random, _seeds: list[bytes]) -> None:
    at = _place(data, chance)
    data[at:at] = chance.randbytes(chance.randint(1, 8))


def _repeat(data: bytearray, chance: Random, _seeds: list[bytes]) -> None:
    at = _place(data, chance)
    data[at:at] = data[at : at + chance.randint(1, 60)] * chance.randint(1, 4)


def _splice(data: bytearray, chance: Random, seeds: list[bytes]) -> None:
    other = chance.choice(seeds)
    at, start = _place(data, chance), chance.randrange(len(other) + 1)
    data[at:at] = other[start : start + chance.randint(1, 200)]


_MUTATIONS: tuple[Callable[[bytearray, Random, list[bytes]], None], ...] = (
    _flip, _set, _cut, _insert, _repeat, _splice,
)  # fmt: skip
