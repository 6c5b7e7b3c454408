"""Inputs that fuzzing found, by what they did."""

from __future__ import annotations

import pytest

from infra.local.servicebus.amqp import DecodeError, Message, decode_value


@pytest.mark.parametrize("data", ["e002002e00", "e005000053702e", "e00600005370005370"])
def test_an_array_of_what_cannot_be_encoded_again_is_refused_even_without_elements(
    data: str,
) -> None:
    with pytest.raises(DecodeError):
        decode_value(bytes.fromhex(data))


def test_a_section_named_by_an_unknown_symbol_is_refused() -> None:
    with pytest.raises(DecodeError):
        Message.check(b"\x00\xa3\x05x-opt\x45")
