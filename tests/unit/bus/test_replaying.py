"""What the copy of a dead letter keeps of it, and what it leaves behind."""

from __future__ import annotations

from azure.servicebus import ServiceBusMessage

from shared.bus.copies import Replay, replay_message
from shared.bus.message import Received
from shared.events import encode
from tests.unit.bus.samples import NOW, TRACEPARENT, message, sale_event

TRIED = {
    "subject": sale_event().subject,
    "lane": "backfill",
    "retry-for": "sales",
    "retry-attempt": 9,
    "retry-first-seen": NOW.isoformat(),
    "retry-history": "1. busy",
    "parked-under": "item/gbrt/1",
    "parked-times": 2,
    "parked-at": NOW.isoformat(),
    "parked-until": NOW.isoformat(),
    "parked-probe": "item/gbrt/1",
    "parked-out": "item/gbrt/1",
    "DeadLetterReason": "master-data-missing",
    "DeadLetterErrorDescription": "waited in vain",
    "traceparent": TRACEPARENT,
}


def copy_of(letter: Received, number: int = 7) -> ServiceBusMessage:
    return replay_message(Replay(letter, "sales", number))


def properties(sent: ServiceBusMessage) -> dict[str, object]:
    return {str(name): value for name, value in (sent.application_properties or {}).items()}


def test_a_dead_letter_starts_anew_in_its_lane_and_its_trace() -> None:
    sent = copy_of(message(sale_event(), TRIED))

    assert b"".join(sent.body) == encode(sale_event())
    assert sent.subject == sale_event().subject
    assert properties(sent) == {
        "subject": sale_event().subject,
        "lane": "backfill",
        "retry-for": "sales",
        "traceparent": TRACEPARENT,
    }


def test_sent_twice_it_is_a_duplicate_and_after_another_refusal_it_is_not() -> None:
    letter = message(sale_event())
    again = copy_of(letter, 7)

    assert copy_of(letter, 7).message_id == again.message_id
    assert copy_of(letter, 9).message_id != again.message_id
    assert str(again.message_id).startswith(f"{sale_event().id}#sales#")


def test_the_id_of_a_stranger_s_message_stays_one_the_bus_takes() -> None:
    letter = Received(b"x", "n" * 128, {}, 1, "lock", None)

    assert len(str(copy_of(letter).message_id)) == 128
