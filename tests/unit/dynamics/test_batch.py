"""The $batch format: what is built is what any multipart reader reads, and cut-offs are noticed."""

from __future__ import annotations

import email
import json
from decimal import Decimal
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.odata.batch import (
    Answer,
    Changeset,
    Item,
    MalformedBatch,
    batch_headers,
    build_batch,
    line_up,
    parse_batch,
)
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.odata.requests import create, read
from tests.shared_data import shared_data

ROOT = "https://erp.example/data"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.one_of(
    texts, st.integers(-(2**50), 2**50), st.decimals(-(10**9), 10**9, places=3), st.none()
)
bodies = st.dictionaries(texts, values, max_size=4)
operations = st.one_of(
    st.builds(create, st.just("Things"), bodies),
    st.builds(read, st.just("Things"), st.fixed_dictionaries({"Id": texts})),
)
changesets = st.builds(
    lambda operations: Changeset(tuple(operations)),
    st.lists(st.builds(create, st.just("Things"), bodies), min_size=1, max_size=4),
)
items: st.SearchStrategy[list[Item]] = st.lists(st.one_of(operations, changesets), max_size=6)


def _read_by_the_standard_library(body: bytes) -> list[Message | list[Message]]:
    """Return the application/http parts, grouped, as Python's own MIME parser finds them."""
    head = f"Content-Type: {batch_headers()['Content-Type']}\r\n\r\n".encode()
    outer = email.message_from_bytes(head + body)
    found: list[Message | list[Message]] = []
    for part in outer.get_payload():
        assert isinstance(part, Message)
        nested = part.get_payload()
        found.append([p for p in nested if isinstance(p, Message)] if part.is_multipart() else part)
    return found


def _request_of(part: Message) -> tuple[str, bytes]:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    head, _, body = payload.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


@given(items.filter(bool))
def test_what_we_build_a_mime_parser_reads_back_operation_by_operation(items: list[Item]) -> None:
    found = _read_by_the_standard_library(build_batch(items, ROOT))
    assert len(found) == len(items)
    ids = []
    for item, part in zip(items, found, strict=True):
        operations = item.operations if isinstance(item, Changeset) else (item,)
        parts = part if isinstance(part, list) else [part]
        assert isinstance(part, list) == isinstance(item, Changeset)
        assert len(parts) == len(operations)
        for operation, http in zip(operations, parts, strict=True):
            line, body = _request_of(http)
            assert line == f"{operation.method} {ROOT}/{operation.path} HTTP/1.1"
            assert body.strip(b"\r\n") == operation.body
            ids += [http["Content-ID"]] if isinstance(item, Changeset) else []
    assert ids == [str(number) for number in range(1, len(ids) + 1)]


@given(st.decimals(-(10**11), 10**11, places=3))
def test_money_is_written_as_a_json_number_that_means_the_same(amount: Decimal) -> None:
    written = json.loads(create("S", {"Amount": amount}).body, parse_float=Decimal)["Amount"]
    assert Decimal(written) == amount


def test_a_number_json_cannot_carry_is_refused_rather_than_rounded() -> None:
    with pytest.raises(ValueError, match="more digits"):
        create("S", {"Amount": Decimal("1.00000000000000000001")})


@given(texts)
def test_no_key_value_escapes_its_segment(value: str) -> None:
    path = read("Set", {"Id": value}).path
    assert path.startswith("Set(Id='")
    assert path.endswith("')?cross-company=true")
    assert not set(path[8:].split("')?")[0]) & set('/?#&() "<>')
    assert path.isascii()


responses = st.builds(
    Response,
    st.integers(100, 599),
    st.just({"content-type": "application/json"}),
    st.binary(max_size=40).map(lambda data: json.dumps({"v": data.hex()}).encode()),
)
answers: st.SearchStrategy[list[Answer]] = st.lists(
    st.lists(responses, min_size=1, max_size=4).map(tuple), min_size=1, max_size=5
)


def _serve(answers: list[Answer], newline: bytes, preamble: bytes = b"") -> bytes:
    """Write an answer as a server does: a lone response bare, several as a nested multipart."""

    def part(response: Response) -> bytes:
        return newline.join(
            [
                b"Content-Type: application/http",
                b"Content-Transfer-Encoding: binary",
                b"",
                f"HTTP/1.1 {response.status} Some Words".encode(),
                b"Content-Type: application/json",
                b"",
                response.body,
            ]
        )

    lines = [preamble] if preamble else []
    for number, answer in enumerate(answers):
        lines.append(b"--outer")
        if len(answer) == 1:
            lines.append(part(answer[0]))
            continue
        inner = f"inner{number}".encode()
        lines += [b"Content-Type: multipart/mixed; boundary=" + inner, b""]
        for response in answer:
            lines += [b"--" + inner, part(response)]
        lines.append(b"--" + inner + b"--")
    return newline.join([*lines, b"--outer--", b""])


@given(answers, st.sampled_from([b"\r\n", b"\n"]), st.sampled_from([b"", b"preamble"]))
def test_every_answer_is_read_whatever_the_line_ends(
    answers: list[Answer], newline: bytes, preamble: bytes
) -> None:
    body = _serve(answers, newline, preamble)
    assert parse_batch('multipart/mixed; boundary="outer"', body) == answers


@given(answers, st.data())
def test_a_cut_off_answer_yields_only_answers_that_are_whole(
    answers: list[Answer], data: st.DataObject
) -> None:
    body = _serve(answers, b"\r\n")
    cut = body[: data.draw(st.integers(0, len(body)))]
    try:
        read_back = parse_batch("multipart/mixed; boundary=outer", cut)
    except MalformedBatch:
        read_back = []
    assert read_back == answers[: len(read_back)]


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_fail_in_any_other_way(noise: bytes) -> None:
    for body in (noise, b"--b\r\n" + noise + b"\r\n--b--"):
        try:
            parse_batch("multipart/mixed; boundary=b", body)
        except MalformedBatch:
            continue


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed", "nonsense;;"])
def test_something_else_than_multipart_is_said_to_be_so(content_type: str) -> None:
    with pytest.raises(MalformedBatch):
        parse_batch(content_type, b"--b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n--b--")


def test_more_parts_than_the_bound_are_refused() -> None:
    answers: list[Answer] = [(Response(204),)] * 11
    with pytest.raises(MalformedBatch, match="more parts"):
        parse_batch("multipart/mixed; boundary=outer", _serve(answers, b"\r\n"), max_parts=10)


def test_a_real_answer_with_an_inner_500_is_read() -> None:
    sample = shared_data("payloads/fo/batch_response_200_with_inner_500_duplicate_key.http.txt")
    body = sample.read_bytes()
    boundary = body.split(b"\n", 1)[0].strip()[2:].decode()
    [(response,)] = parse_batch(f"multipart/mixed; boundary={boundary}", body)
    assert response.status == 500
    assert response.content_id == "1"
    assert b"already exists" in response.body


THREE: list[Item] = [
    Changeset((Operation("POST", "A"), Operation("POST", "B"))),
    Operation("GET", "C"),
    Changeset((Operation("POST", "D"),)),
]


def test_missing_answers_are_told_apart_from_given_ones() -> None:
    first: Answer = (Response(201), Response(201))
    assert line_up(THREE, [first]) == [first, None, None]


def test_an_answer_that_claims_to_be_anothers_makes_the_rest_uncertain() -> None:
    first: Answer = (Response(201, content_id="1"), Response(201, content_id="2"))
    strange: Answer = (Response(201, content_id="2"),)
    assert line_up(THREE, [first, (Response(200),), strange]) == [first, (Response(200),), None]
