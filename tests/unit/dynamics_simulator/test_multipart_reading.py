"""The multipart machine: any cutting gives the same parts, any bytes give no error but its own."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.dynamics.odata.batch_format import read_part
from infra.local.dynamics.odata.multipart import (
    MalformedMultipart,
    MultipartParser,
    boundary_of,
    parse_headers,
    split_head,
    split_nested,
)

_BOUNDARY = b"batch_1"
_DELIMITER = b"--" + _BOUNDARY

_contents = st.lists(
    st.sampled_from([b"--", b"batch_1", b"-", b"\r", b"x", b" ", b"{}", b":"])
).map(b"".join)
"""Bytes of what delimiters are made of, without line feeds, so that no part holds a delimiter."""
_ends = st.sampled_from([b"\r\n", b"\n"])
_parts = st.lists(_contents.map(lambda content: content.rstrip(b"\r")), max_size=6)


def _body(parts: Iterable[bytes], end: bytes, preamble: bytes = b"", tail: bytes = b"") -> bytes:
    opening = b"".join(_DELIMITER + end + part + end for part in parts)
    return preamble + opening + _DELIMITER + b"--" + tail


def _read(pieces: Iterable[bytes]) -> list[bytes]:
    parser = MultipartParser(_BOUNDARY)
    parts = [part for piece in pieces for part in parser.feed(piece)]
    return parts + parser.close()


@given(parts=_parts, end=_ends)
def test_parts_come_back_whole(parts: list[bytes], end: bytes) -> None:
    parts = [part for part in parts if not _looks_like_delimiter(part)]

    assert _read([_body(parts, end)]) == parts


@given(parts=_parts, end=_ends)
def test_parts_come_back_from_single_bytes(parts: list[bytes], end: bytes) -> None:
    parts = [part for part in parts if not _looks_like_delimiter(part)]
    body = _body(parts, end)

    assert _read(body[at : at + 1] for at in range(len(body))) == parts


@given(
    parts=_parts,
    end=_ends,
    preamble=st.sampled_from([b"", b"ignored\r\n", b"x--batch_1\n", b"\n\n"]),
    tail=st.sampled_from([b"", b"\r\n", b"\r\nepilogue\r\n--batch_1\r\nno part\r\n--batch_1--"]),
)
def test_preamble_and_tail_are_no_parts(
    parts: list[bytes], end: bytes, preamble: bytes, tail: bytes
) -> None:
    parts = [part for part in parts if not _looks_like_delimiter(part)]

    assert _read([_body(parts, end, preamble, tail)]) == parts


def _looks_like_delimiter(part: bytes) -> bool:
    """A part that is itself one delimiter line cannot be sent with this boundary."""
    return part.startswith(_DELIMITER) and part[len(_DELIMITER) :].strip(b" \t\r") in (b"", b"--")


@given(
    body=st.lists(st.sampled_from([_DELIMITER, b"--", b"\r\n", b"\n", b"a", b" "])).map(b"".join)
)
def test_pieces_and_whole_always_agree(body: bytes) -> None:
    def outcome(pieces: Iterable[bytes]) -> list[bytes] | str:
        try:
            return _read(pieces)
        except MalformedMultipart as error:
            return str(error)

    whole = outcome([body])
    bytewise = outcome(body[at : at + 1] for at in range(len(body)))

    assert whole == bytewise


@given(body=st.binary(max_size=300))
def test_any_bytes_end_in_parts_or_the_one_error(body: bytes) -> None:
    for content in (body, _DELIMITER + b"\r\n" + body + b"\r\n" + _DELIMITER + b"--"):
        try:
            for part in _read([content]):
                read_part(part, "/data/")
        except MalformedMultipart:
            pass


@given(
    text=st.lists(
        st.sampled_from(
            [
                "Content-Type: application/http",
                "Content-Type: multipart/mixed; boundary=c",
                "Content-ID: 1",
                "--c",
                "--c--",
                "POST /data/X HTTP/1.1",
                "GET http://[x HTTP/1.1",
                "POST /data/%ff%zz?a=%E2 HTTP/1.1",
                "{}",
                "",
                "\x00",
                ":",
            ]
        )
    ).map("\r\n".join)
)
def test_any_shuffled_part_is_read_or_refused(text: str) -> None:
    try:
        part = read_part(text.encode(), "/data/")
    except MalformedMultipart:
        return

    assert part.operations


def test_missing_closing_boundary_is_an_error() -> None:
    with pytest.raises(MalformedMultipart, match="closing boundary"):
        _read([_DELIMITER + b"\r\npart\r\n" + _DELIMITER + b"\r\npart"])


def test_nested_multipart_may_end_where_its_part_ends() -> None:
    assert split_nested(b"c", b"--c\r\none\r\n--c\r\ntwo") == [b"one", b"two"]


def test_long_body_without_delimiters_costs_no_more_than_its_length() -> None:
    parser = MultipartParser(_BOUNDARY)
    for _ in range(20_000):
        assert parser.feed(b"x" * 64) == []

    assert parser._searched > 20_000 * 64 - 64


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/mixed; boundary=b_1", b"b_1"),
        ('Multipart/Mixed;charset=utf-8;  Boundary="b 1"', b"b 1"),
    ],
)
def test_boundary_is_read_from_the_content_type(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/mixed",
        "multipart/mixed; boundary=",
        "multipart/mixed; boundary=ä",
    ],
)
def test_content_type_without_a_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(MalformedMultipart):
        boundary_of(content_type)


def test_head_ends_at_the_first_empty_line_of_either_kind() -> None:
    assert split_head(b"A: 1\r\n\r\nbody\n\nmore") == (b"A: 1", b"body\n\nmore")
    assert split_head(b"A: 1\n\nbody\r\n\r\nmore") == (b"A: 1", b"body\r\n\r\nmore")
    assert split_head(b"\r\nbody") == (b"", b"body")
    assert split_head(b"A: 1") == (b"A: 1", b"")


def test_header_names_are_compared_without_case() -> None:
    assert parse_headers(b"Content-ID:  7 \r\nX-Y:a:b") == {"content-id": "7", "x-y": "a:b"}
