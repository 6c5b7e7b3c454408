"""A message's sections (AMQP 1.0, 3.2), read lazily and written with the sender's bytes kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from struct import error as StructError  # noqa: N812 - named like the exception it is
from typing import Any, NamedTuple

from infra.local.servicebus.amqp.composites import composite, encode_composite, reader_of
from infra.local.servicebus.amqp.decode import decode_value
from infra.local.servicebus.amqp.encode import (
    encode_binary,
    encode_described,
    encode_map,
    encode_value,
)
from infra.local.servicebus.amqp.errors import DecodeError
from infra.local.servicebus.amqp.values import Symbol

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES = 0x73, 0x74
DATA, SEQUENCE, VALUE, FOOTER = 0x75, 0x76, 0x77, 0x78

LONGEST_HEADER_TTL = 0xFFFFFFFF
"""ms. Longer times to live do not fit; the SDKs then say them as creation and expiry time too."""

BATCH_FORMAT = 0x80013700
"""Message format of Service Bus batches: data sections that each hold a whole message."""

_UINT = Struct(">I").unpack_from
BODY = frozenset({DATA, SEQUENCE, VALUE})
_NOTHING_BEFORE_BODY: dict[int, Any] = dict.fromkeys(range(HEADER, DATA))
_SECTIONS = frozenset(range(HEADER, FOOTER + 1))
_NARROW, _WIDE = frozenset({0xA0, 0xA1, 0xC0, 0xC1}), frozenset({0xB0, 0xB1, 0xD0, 0xD1})
"""Constructors of what says its size first, in one byte or in four (AMQP 1.0, 1.2)."""


@composite(0x70, "header", "boolean", "ubyte", "uint", "boolean", "uint")
class Header(NamedTuple):
    durable: bool | None = None
    priority: int | None = None
    ttl: int | None = None
    first_acquirer: bool | None = None
    delivery_count: int | None = None


@composite(0x73, "properties", "message-id", "binary", "string", "string", "string", "message-id",
           "symbol", "symbol", "timestamp", "timestamp", "string", "uint", "string")  # fmt: skip
class Properties(NamedTuple):
    message_id: Any = None
    user_id: bytes | None = None
    to: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    correlation_id: Any = None
    content_type: str | None = None
    content_encoding: str | None = None
    absolute_expiry_time: int | None = None
    creation_time: int | None = None
    group_id: str | None = None
    group_sequence: int | None = None
    reply_to_group_id: str | None = None


Section = tuple[int, int, int, int]
"""Where a section lies: its descriptor code, first byte, first byte of its value, end."""


class Message:
    """One encoded message. Sections are located at once and decoded when first asked for, unless
    `check` has decoded the ones the broker relies on. Absent sections are None."""

    __slots__ = ("_decoded", "data", "sections")

    def __init__(self, data: bytes, sections: tuple[Section, ...]) -> None:
        self.data = data
        self.sections = sections
        self._decoded: dict[int, Any] = {}

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Locate the sections. Raises DecodeError (a ValueError) for bytes that are not a
        sequence of message sections."""
        return cls(data, _locate(data))

    @classmethod
    def check(cls, data: bytes) -> Message:
        """As parse, and also decode everything but body and footer: what passes here can be
        filtered and delivered without an error later."""
        message = cls.parse(data)
        decoded = message._decoded = _NOTHING_BEFORE_BODY.copy()
        for code, _, value, end in message.sections:
            if code < DATA:
                decoded[code] = _READERS[code](data, value, end)
        return message

    @property
    def header(self) -> Header | None:
        header: Header | None = self._section(HEADER)
        return header

    @property
    def delivery_annotations(self) -> dict[Any, Any] | None:
        entries: dict[Any, Any] | None = self._section(DELIVERY_ANNOTATIONS)
        return entries

    @property
    def message_annotations(self) -> dict[Any, Any] | None:
        entries: dict[Any, Any] | None = self._section(MESSAGE_ANNOTATIONS)
        return entries

    @property
    def properties(self) -> Properties | None:
        properties: Properties | None = self._section(PROPERTIES)
        return properties

    @property
    def application_properties(self) -> dict[str, Any] | None:
        entries: dict[str, Any] | None = self._section(APPLICATION_PROPERTIES)
        return entries

    @property
    def footer(self) -> dict[Any, Any] | None:
        entries: dict[Any, Any] | None = self._section(FOOTER)
        return entries

    @property
    def data_sections(self) -> list[bytes]:
        """The contents of every data section, in order. Raises DecodeError."""
        return [
            _read_binary(self.data, value, end)
            for code, _, value, end in self.sections
            if code == DATA
        ]

    @property
    def value(self) -> Any:
        """The amqp-value body; None when the body is something else."""
        return self._section(VALUE)

    def _section(self, code: int) -> Any:
        try:
            return self._decoded[code]
        except KeyError:
            pass
        decoded = None
        for found, _, value, end in self.sections:
            if found == code:
                decoded = _READERS[code](self.data, value, end)
                break
        self._decoded[code] = decoded
        return decoded


def _read_map(data: bytes, position: int, end: int) -> dict[Any, Any] | None:
    value, _ = decode_value(data, position, end)
    if value is not None and not isinstance(value, dict):
        raise DecodeError("annotations, application properties and footer are maps")
    return value


def _read_named(data: bytes, position: int, end: int) -> dict[Any, Any] | None:
    entries = _read_map(data, position, end)
    for name in entries or ():
        if not isinstance(name, str):
            raise DecodeError("application properties are named by strings (AMQP 1.0, 3.2.5)")
    return entries


def _read_binary(data: bytes, position: int, end: int) -> bytes:
    value, _ = decode_value(data, position, end)
    if not isinstance(value, bytes):
        raise DecodeError("a data section holds binary")
    return value


_READERS: dict[int, Callable[[bytes, int, int], Any]] = {
    HEADER: reader_of(Header),
    DELIVERY_ANNOTATIONS: _read_map,
    MESSAGE_ANNOTATIONS: _read_map,
    PROPERTIES: reader_of(Properties),
    APPLICATION_PROPERTIES: _read_named,
    VALUE: lambda data, position, end: decode_value(data, position, end)[0],
    FOOTER: _read_map,
}


def _locate(data: bytes) -> tuple[Section, ...]:
    sections = []
    position, end = 0, len(data)
    try:
        while position < end:
            start = position
            if data[position] != 0:
                raise DecodeError("a message is a sequence of described sections")
            if data[position + 1] == 0x53:
                code, position = data[position + 2], position + 3
            else:
                code, position = decode_value(data, position + 1)
            if code not in _SECTIONS:
                raise DecodeError(f"{code!r:.40} is no message section")
            value = position
            form = data[position]
            if form in _WIDE:
                position += 5 + _UINT(data, position + 1)[0]
            elif form in _NARROW:
                position += 2 + data[position + 1]
            else:
                _, position = decode_value(data, position)
            if position > end:
                raise DecodeError("a section is longer than its message")
            sections.append((code, start, value, position))
    except (IndexError, StructError, TypeError) as error:
        raise DecodeError("a message is cut short or malformed") from error
    return tuple(sections)


def encode_message(
    *,
    header: Header | None = None,
    delivery_annotations: Mapping[Any, Any] | None = None,
    message_annotations: Mapping[Any, Any] | None = None,
    properties: Properties | None = None,
    application_properties: Mapping[str, Any] | None = None,
    data: bytes | Iterable[bytes] | None = None,
    sequence: Iterable[list[Any]] | None = None,
    value: Any = None,
    footer: Mapping[Any, Any] | None = None,
) -> bytes:
    """Return one encoded message; absent sections are not written.

    The body is `data` (one binary or several), else `sequence` (lists), else the amqp-value
    `value` (also for None). Raises EncodeError."""
    parts = [] if header is None else [encode_composite(header)]
    parts += encode_annotations(DELIVERY_ANNOTATIONS, delivery_annotations)
    parts += encode_annotations(MESSAGE_ANNOTATIONS, message_annotations)
    if properties is not None:
        parts.append(encode_composite(properties))
    if application_properties is not None:
        parts.append(encode_application_properties(application_properties))
    if data is not None:
        for item in [data] if isinstance(data, (bytes, bytearray, memoryview)) else data:
            parts.append(encode_described(DATA, encode_binary(bytes(item))))
    elif sequence is not None:
        parts += [encode_described(SEQUENCE, encode_value(list(item))) for item in sequence]
    else:
        parts.append(encode_described(VALUE, encode_value(value)))
    parts += encode_annotations(FOOTER, footer)
    return b"".join(parts)


def encode_annotations(code: int, entries: Mapping[Any, Any] | None) -> list[bytes]:
    """Return a map section with symbols as keys (annotations, footer: AMQP 1.0, 3.2.10) as a list
    of one; of none without entries."""
    if entries is None:
        return []
    named = {Symbol(key) if type(key) is str else key: value for key, value in entries.items()}
    return [encode_described(code, encode_map(named))]


def encode_application_properties(properties: Mapping[str, Any]) -> bytes:
    return encode_described(
        APPLICATION_PROPERTIES, encode_map({str(k): v for k, v in properties.items()})
    )


def with_message_id(data: bytes, message_id: str) -> bytes:
    """Return the message with that id, everything else as it was. Raises DecodeError."""
    message = Message.parse(data)
    properties = (message.properties or Properties())._replace(message_id=message_id)
    start = end = len(data)
    for code, first, _, last in message.sections:
        if code == PROPERTIES:
            start, end = first, last
            break
        if code > PROPERTIES:
            start = end = min(start, first)
    return data[:start] + encode_composite(properties) + data[end:]


def split_batch(data: bytes) -> list[bytes]:
    """Return the messages of a Service Bus batch; at least one. Raises DecodeError."""
    messages = Message.parse(data).data_sections
    if not messages:
        raise DecodeError("a batch holds at least one message")
    return messages
