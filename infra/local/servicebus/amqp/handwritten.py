"""Whole frames written by hand: the two that a busy server sends most."""

from __future__ import annotations

from struct import Struct

_TRANSFER_HEAD = Struct(">IBBH3sBII").pack
# Frame head; descriptor, list head; role, first, last, settled, accepted, batchable.
_ACCEPTED = Struct(">IBBH3sBBBBBIBIB4sB")


def transfer_frame(channel: int, head: bytes, settled: bool, more: bool, payload: bytes) -> bytes:
    """Return a transfer; `head` holds its encoded handle, delivery id and tag."""
    body = b"".join(
        (
            head,
            b"\x43\x41" if settled else b"\x43\x42",
            b"\x41" if more else b"\x42",
            b"\x40\x40\x42\x42\x42",
        )
    )
    size = len(body)
    return b"".join(
        (
            _TRANSFER_HEAD(
                20 + size + len(payload), 2, 0, channel, b"\x00\x53\x14", 0xD0, size + 4, 11
            ),
            body,
            payload,
        )
    )


def accepted_frame(channel: int, role: bool, first: int, last: int) -> bytes:
    """Return the disposition that settles a range of deliveries as accepted."""
    return _ACCEPTED.pack(
        _ACCEPTED.size,
        2,
        0,
        channel,
        b"\x00\x53\x15",
        0xC0,
        _ACCEPTED.size - 13,  # of the count and the fields
        6,
        0x41 if role else 0x42,
        0x70,
        first,
        0x70,
        last,
        0x41,
        b"\x00\x53\x24\x45",
        0x42,
    )
