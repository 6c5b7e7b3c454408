"""The connection against a scripted peer, without a socket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.servicebus.amqp import Connection
from infra.local.servicebus.amqp.composites import decode_composite, encode_composite
from infra.local.servicebus.amqp.events import (
    Arrived,
    Attached,
    Closed,
    Credited,
    Detached,
    Disposed,
    Oversize,
)
from infra.local.servicebus.amqp.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    SASL_HEADER,
    FrameBuffer,
    encode_frame,
)
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Open,
    Rejected,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Source,
    Target,
    Transfer,
)
from infra.local.servicebus.amqp.values import UShort


def frame(performative: Any, payload: bytes = b"", channel: int = 0) -> bytes:
    return encode_frame(channel, encode_composite(performative), payload)


def spoken(output: bytes) -> list[tuple[Any, bytes]]:
    """The performatives and payloads in what a connection wrote; headers are skipped."""
    while output[:4] == b"AMQP":
        output = output[8:]
    frames = FrameBuffer(1 << 20)
    frames.feed(output)
    found = []
    while (each := frames.take_frame()) is not None:
        if each.body:
            performative, end = decode_composite(each.body)
            found.append((performative, each.body[end:]))
            if isinstance(performative, SaslOutcome):
                break
    return found


def said(connection: Connection) -> list[Any]:
    return [performative for performative, _ in spoken(connection.take_output())]


def opened(*, max_frame_size: int = 65536, window: int = 1000, idle: int | None = None) -> Any:
    connection = Connection("bus")
    hello = Open("peer", max_frame_size=max_frame_size, channel_max=UShort(9), idle_time_out=idle)
    connection.receive(AMQP_HEADER + frame(hello) + frame(Begin(None, 0, window, 1000)))
    connection.take_output()
    return connection


def receiver(connection: Connection, credit: int, handle: int = 0) -> Any:
    """A link on which the peer receives."""
    [event] = connection.receive(
        frame(Attach(f"r{handle}", handle, True, source=Source("q"), target=Target("me")))
    )
    assert isinstance(event, Attached)
    event.link.accept()
    connection.receive(frame(Flow(0, 1000, 0, 1000, handle, 0, credit)))
    connection.take_output()
    return event.link


def sender(connection: Connection, limit: int = 1 << 20) -> Any:
    """A link on which the peer sends."""
    [event] = connection.receive(
        frame(Attach("s", 5, False, source=Source("me"), target=Target("q")))
    )
    assert isinstance(event, Attached)
    event.link.accept(max_message_size=limit)
    connection.take_output()
    return event.link


def test_sasl_lets_in_every_mechanism_the_sdks_use() -> None:
    for mechanism, answer in (
        ("ANONYMOUS", b""),
        ("MSSBCBS", b""),
        ("EXTERNAL", b""),
        ("PLAIN", b"\x00key\x00secret"),
    ):
        connection = Connection("bus")
        connection.receive(SASL_HEADER)
        offered = said(connection)
        init = encode_composite(SaslInit(mechanism, answer))
        connection.receive(encode_frame(0, init, type_=1))
        outcome = said(connection)
        connection.receive(AMQP_HEADER + frame(Open("peer")))
        answer_to_open = said(connection)

        assert isinstance(offered[0], SaslMechanisms)
        assert mechanism in offered[0].sasl_server_mechanisms
        assert outcome == [SaslOutcome(0)]
        assert isinstance(answer_to_open[0], Open)


def test_an_unknown_mechanism_is_turned_away() -> None:
    connection = Connection("bus")
    connection.receive(SASL_HEADER)
    connection.take_output()
    init = encode_composite(SaslInit("GUESS", b""))

    events = connection.receive(encode_frame(0, init, type_=1))

    assert said(connection) == [SaslOutcome(1)]
    assert isinstance(events[-1], Closed)


def test_our_header_follows_the_peers_own() -> None:
    connection = Connection("bus")

    connection.receive(SASL_HEADER[:7])
    early = connection.take_output()
    connection.receive(SASL_HEADER[7:])

    assert early == b""
    assert connection.take_output().startswith(SASL_HEADER)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_bytes_mean_the_same_in_any_portions(portions: list[int]) -> None:
    talk = (
        AMQP_HEADER
        + frame(Open("peer", max_frame_size=4096))
        + frame(Begin(None, 0, 10, 10))
        + frame(Attach("r", 0, True, source=Source("q"), target=Target("me")))
        + frame(Flow(0, 10, 0, 10, 0, 0, 7))
        + frame(Detach(0, True))
        + frame(Close())
    )
    whole, pieces = Connection("bus"), Connection("bus")
    expected = [type(event) for event in whole.receive(talk)]

    found, position, turn = [], 0, 0
    while position < len(talk):
        step = portions[turn % len(portions)]
        found += [type(e) for e in pieces.receive(talk[position : position + step])]
        position, turn = position + step, turn + 1

    assert found == expected == [Attached, Credited, Detached, Closed]
    assert pieces.take_output() == whole.take_output()


@given(st.binary(max_size=300))
def test_no_bytes_raise_out_of_the_connection(data: bytes) -> None:
    connection = opened()
    sender(connection)

    connection.receive(data)
    connection.receive(frame(Close()))
    connection.take_output()


@given(st.integers(0), st.integers(0, 255))
def test_no_damaged_frame_raises_out_of_the_connection(at: int, octet: int) -> None:
    connection = opened()
    receiver(connection, 5)
    sender(connection)
    talk = bytearray(
        frame(Transfer(5, 0, b"t", 0, False, False), b"message")
        + frame(Flow(0, 10, 0, 10, 0, 0, 7, None, True, True))
        + frame(Disposition(True, 0, 3, False, Rejected(Error("x", "y", {"k": 1}))))
        + frame(Detach(5, True))
    )
    talk[at % len(talk)] = octet

    connection.receive(bytes(talk))
    connection.take_output()


def test_credit_is_absolute_and_restating_it_changes_nothing() -> None:
    connection = opened()
    link = receiver(connection, 3)
    link.send(b"tag", b"payload", settled=False)

    connection.receive(frame(Flow(0, 1000, 0, 1000, 0, 0, 3)))
    restated = link.credit
    connection.receive(frame(Flow(1, 1000, 0, 1000, 0, 1, 3)))

    assert (restated, link.credit) == (2, 3)


def test_draining_gives_back_what_is_left_and_says_so() -> None:
    connection = opened()
    link = receiver(connection, 5)
    link.send(b"tag", b"payload", settled=False)
    connection.take_output()

    connection.receive(frame(Flow(1, 1000, 0, 1000, 0, 0, 5, None, True)))
    link.drained()

    [flow] = said(connection)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (5, 0, True)
    assert link.sendable == 0


def test_an_echo_is_answered_with_our_view() -> None:
    connection = opened()
    receiver(connection, 5)

    connection.receive(frame(Flow(0, 1000, 0, 1000, 0, 0, 5, None, False, True)))

    [flow] = said(connection)
    assert (flow.handle, flow.delivery_count, flow.link_credit) == (0, 0, 5)


def test_a_message_is_cut_to_the_peers_frames_and_its_window() -> None:
    connection = opened(max_frame_size=512, window=3)
    link = receiver(connection, 5)
    connection.receive(frame(Flow(0, 3, 0, 1000)))
    payload = bytes(range(256)) * 8

    link.send(b"tag", payload, settled=False)
    output = connection.take_output()
    first = spoken(output)
    blocked = link.sendable
    connection.receive(frame(Flow(3, 100, 0, 1000)))
    rest = spoken(connection.take_output())

    assert len(output) <= 3 * 512
    assert len(first) == 3
    assert blocked == 0
    assert b"".join(part for _, part in first + rest) == payload
    assert [transfer.more for transfer, _ in first + rest][-2:] == [True, False]


def test_a_message_in_many_frames_arrives_whole_and_an_aborted_one_not_at_all() -> None:
    connection = opened()
    sender(connection)

    events = connection.receive(
        frame(Transfer(5, 0, b"a", 0, False, True), b"lost")
        + frame(Transfer(5, aborted=True))
        + frame(Transfer(5, 1, b"b", 0, False, True), b"one ")
        + frame(Transfer(5, more=True), b"whole ")
        + frame(Transfer(5, more=False), b"message")
    )

    [event] = events
    assert isinstance(event, Arrived)
    assert (event.delivery_id, event.payload) == (1, b"one whole message")


def test_an_oversize_message_is_told_without_being_kept() -> None:
    connection = opened()
    sender(connection, limit=10)

    [event] = connection.receive(
        frame(Transfer(5, 0, b"a", 0, False, True), b"x" * 8)
        + frame(Transfer(5, more=False), b"x" * 8)
    )

    assert isinstance(event, Oversize)


def test_consecutive_outcomes_leave_as_one_range() -> None:
    connection = opened()
    link = sender(connection)
    transfers = [frame(Transfer(5, number, b"t", 0, False), b"m") for number in range(5)]
    connection.receive(b"".join(transfers))

    for number in (0, 1, 2):
        link.settle(number, Accepted())
    link.settle(3, Rejected(Error("amqp:not-allowed", "no")))
    link.settle(4, Accepted())

    ranges = [(d.first, d.last, type(d.state), d.settled) for d in said(connection)]
    assert ranges == [(0, 2, Accepted, True), (3, 3, Rejected, True), (4, 4, Accepted, True)]


def test_a_disposition_over_everything_names_only_what_is_unsettled() -> None:
    connection = opened()
    first, second = receiver(connection, 5, handle=0), receiver(connection, 5, handle=1)
    for number, link in enumerate((first, first, second)):
        link.send(b"tag", b"payload", settled=False, subject=number)

    events = connection.receive(frame(Disposition(True, 0, 0xFFFFFFF0, False, Accepted())))
    again = connection.receive(frame(Disposition(True, 0, 0xFFFFFFF0, False, Accepted())))

    assert [type(event) for event in events] == [Disposed, Disposed]
    assert [[sent.subject for sent in event.deliveries] for event in events] == [[0, 1], [2]]
    assert again == []


def test_a_refused_link_is_answered_without_ends_and_detached_with_the_reason() -> None:
    connection = opened()
    [event] = connection.receive(frame(Attach("r", 0, True, source=Source("nowhere"))))

    event.link.refuse(Error("amqp:not-found", "It could not be found."))

    attach, detach = said(connection)
    assert (attach.source, attach.target) == (None, None)
    assert (detach.closed, detach.error.condition) == (True, "amqp:not-found")


def test_ending_a_session_ends_its_links_and_nothing_is_written_to_it_any_more() -> None:
    connection = opened()
    link = receiver(connection, 5)

    events = connection.receive(frame(End()))
    connection.take_output()
    link.echo(0, Accepted())
    link.detach()

    assert [type(event) for event in events] == [Detached]
    assert connection.take_output() == b""
    assert link.sendable == 0


@pytest.mark.parametrize(
    ("talk", "condition"),
    [
        (frame(Transfer(7, 0, b"t")), "amqp:session:unattached-handle"),
        (frame(Attach("r", 0, True, source=Source("q"))) * 2, "amqp:session:handle-in-use"),
    ],
)
def test_a_sessions_mistake_ends_only_that_session(talk: bytes, condition: str) -> None:
    connection = opened()
    connection.receive(frame(Begin(None, 0, 10, 10), channel=1))
    connection.take_output()

    connection.receive(talk)

    [end] = [each for each in said(connection) if isinstance(each, End)]
    assert end.error.condition == condition
    assert list(connection.sessions) == [0, 1]
    assert isinstance(
        connection.receive(frame(Attach("r", 0, True, source=Source("q")), channel=1))[0], Attached
    )


def test_a_silent_connection_is_kept_alive_at_half_the_peers_time_out() -> None:
    connection = opened(idle=60_000)

    due = connection.tick(0.0)
    early = connection.take_output()
    connection.tick(30.0)

    assert due == 30.0
    assert early == b""
    assert connection.take_output() == EMPTY_FRAME


def test_a_peer_silent_beyond_our_time_out_is_closed() -> None:
    connection = Connection("bus", idle_time_out=10.0)
    connection.receive(AMQP_HEADER + frame(Open("peer")), 0.0)
    connection.take_output()

    connection.tick(20.0)

    [close] = said(connection)
    assert close.error.condition == "amqp:resource-limit-exceeded"
