"""Protocol headers and frames (AMQP 1.0, 2.2 and 2.3): bytes in any portions to whole frames."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from infra.local.servicebus.amqp.errors import FramingError

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
TYPE_AMQP = 0
TYPE_SASL = 1
MIN_MAX_FRAME_SIZE = 512
"""What every peer must accept, and all a peer may send before it knows more (2.3.1)."""

_HEAD = Struct(">IBBH")
EMPTY_FRAME = _HEAD.pack(8, 2, TYPE_AMQP, 0)


class Frame(NamedTuple):
    type: int
    channel: int
    body: bytes


def encode_frame(channel: int, *body: bytes, type_: int = TYPE_AMQP) -> bytes:
    size = 8 + sum(map(len, body))
    return _HEAD.pack(size, 2, type_, channel) + b"".join(body)


class FrameBuffer:
    """Collects a peer's bytes; never more than one incomplete frame of `max_frame_size` bytes."""

    def __init__(self, max_frame_size: int) -> None:
        self.max_frame_size = max_frame_size
        self._bytes = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> None:
        if self._position:
            del self._bytes[: self._position]
            self._position = 0
        self._bytes += data

    def take_header(self) -> bytes | None:
        """Return the eight bytes of a protocol header; None until they are there."""
        head = bytes(self._bytes[self._position : self._position + 8])
        if not AMQP_HEADER.startswith(head[:4]):
            return head  # No AMQP at all: do not wait for eight bytes that may never come.
        if len(head) < 8:
            return None
        self._position += 8
        return head

    def take_frame(self) -> Frame | None:
        """Return the next whole frame, None when it is not complete. Raises FramingError as soon
        as its head shows that it cannot be one."""
        position = self._position
        if len(self._bytes) - position < 8:
            return None
        size, offset, type_, channel = _HEAD.unpack_from(self._bytes, position)
        start = offset * 4
        if size > self.max_frame_size:
            raise FramingError(f"a frame of {size} bytes exceeds {self.max_frame_size}")
        if offset < 2 or start > size:
            raise FramingError("a frame's data offset lies outside of it")
        if len(self._bytes) - position < size:
            return None
        self._position = position + size
        return Frame(type_, channel, bytes(self._bytes[position + start : position + size]))
