"""What is parked or archived, and what becomes of a message when the store is away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.bus import Delivery, Done, Later, Outcome, Parked, Rejected, nameless
from shared.events import Reason, encode
from tests.unit.bus.samples import NOW, message, posted, sale_event
from tests.unit.bus.world import UnavailableArchive, UnavailableParking, World, always

PARKED = Parked("item/gbrt/4711", "no item 4711")


async def test_parked_facts_are_in_the_store_before_their_messages_are_completed() -> None:
    world = World()
    messages = [message(sale_event(n)) for n in (1, 2)]

    await world.consume(messages, always(PARKED))

    assert world.settlement.parked_before == 2
    assert world.settlement.completed == messages
    assert world.bus.batches == []


async def test_what_cannot_be_parked_waits_as_a_delayed_copy() -> None:
    world = World(parking=UnavailableParking())

    await world.consume([message(sale_event())], always(PARKED))

    (copy,) = world.bus.sent("sale-completed")
    assert str(copy.message_id).startswith(f"{sale_event().id}#sales#2-")
    assert len(world.settlement.completed) == 1


async def test_what_can_be_neither_parked_nor_sent_is_given_back() -> None:
    world = World(parking=UnavailableParking())
    world.bus.refuses = lambda _topic: True
    parked, done = message(sale_event(1)), message(sale_event(2))

    await world.consume(
        [parked, done], always(lambda d: PARKED if d.event.data.key.sequence == 1 else Done())
    )

    assert world.settlement.abandoned == [parked]
    assert world.settlement.completed == [done]


async def test_documents_of_other_effects_are_announced_though_the_fact_cannot_be_parked() -> None:
    world = World(parking=UnavailableParking())
    document = posted(sale_event())

    await world.consume([message(sale_event())], always(replace(PARKED, also=(document,))))

    assert len(world.bus.sent("document-posted")) == 1


async def test_a_booked_probe_releases_what_waits_under_its_key() -> None:
    world = World()
    await world.consume([message(sale_event(n)) for n in (1, 2)], always(PARKED))
    probe = message(sale_event(3), {"parked-probe": PARKED.key})

    await world.consume([probe], always(Done()))

    assert len(await world.parking.due(NOW, 10)) == 2


RETURNED = {
    "parked-under": PARKED.key,
    "parked-times": 1,
    "parked-at": NOW.isoformat(),
    "parked-until": (NOW + timedelta(days=3)).isoformat(),
}


@pytest.mark.parametrize(
    ("outcome", "still_parked"),
    [
        (Done(), False),
        (Rejected(Reason.REFUSED_BY_DYNAMICS, "blocked"), False),
        (Later("busy"), True),
        (PARKED, True),
    ],
)
async def test_a_fact_stays_parked_until_what_became_of_it_is_known(
    outcome: Outcome, still_parked: bool
) -> None:
    world = World()
    await world.consume([message(sale_event())], always(PARKED))

    await world.consume([message(sale_event(), RETURNED)], always(outcome))

    assert bool(await world.parking.facts()) is still_parked


@pytest.mark.parametrize(
    "outcome", [Done(posted(sale_event())), Rejected(Reason.REFUSED_BY_DYNAMICS, "blocked")]
)
async def test_a_returned_fact_ends_once_the_store_can_be_told_and_is_announced_then(
    outcome: Outcome,
) -> None:
    world = World(parking=UnavailableParking())

    await world.consume([message(sale_event(), RETURNED)], always(outcome))

    assert [topic for topic, _ in world.bus.batches] == ["sale-completed"]
    assert len(world.settlement.completed) == 1
    assert world.settlement.dead == []


async def test_a_store_that_is_away_keeps_no_booked_probe_from_being_completed() -> None:
    world = World(parking=UnavailableParking())
    probe = message(sale_event(), {"parked-probe": PARKED.key})

    await world.consume([probe], always(Done()))

    assert world.settlement.completed == [probe]


async def test_a_delivery_knows_which_key_it_was_parked_under_until_the_deadline() -> None:
    world = World()

    await world.consume([message(sale_event(), {"parked-out": "a\nb"})], always(Done()))
    await world.consume([message(sale_event())], always(Done()))

    assert [each.waited_out for (each,) in world.calls] == ["b", None]


async def test_valid_facts_are_archived_before_the_handler_sees_them() -> None:
    world = World()
    seen: list[object] = []

    async def handler(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        seen.extend(await world.archive.read([each.event.id for each in deliveries]))
        return [Done() for _ in deliveries]

    await world.consume([message(b"{"), message(sale_event(1))], handler, archive=True)

    assert seen == [sale_event(1).id]
    (kept,) = await world.archive.of_day("gbrt", "LONDON", NOW.date())
    assert kept.body == encode(sale_event(1))
    assert (kept.fact_type, kept.subject) == (sale_event(1).type, sale_event(1).subject)


async def test_what_cannot_be_archived_waits_and_is_not_handled() -> None:
    world = World(archive=UnavailableArchive())
    messages = [message(sale_event(n)) for n in (1, 2)]

    await world.consume(messages, always(Done()), archive=True)

    assert world.calls == []
    assert len(world.bus.sent("sale-completed")) == 2
    assert world.settlement.completed == messages


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("customer/gbrt/C-10010", "customer/gbrt/…"),
        ("card/gbrt/LC-0/7", "card/gbrt/…"),
        ("item/gbrt/85123A", "item/gbrt/85123A"),
        ("sale/gbrt/S1/2026-03-02/T1/7", "sale/gbrt/S1/2026-03-02/T1/7"),
    ],
)
def test_keys_lose_what_names_a_person(key: str, told: str) -> None:
    assert nameless(key) == told


async def test_the_log_does_not_say_for_whose_card_a_fact_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tillbus.bus")

    await World().consume(
        [message(sale_event())], always(Parked("card/gbrt/LC-4711", "no card LC-4711"))
    )

    assert "is parked under card/gbrt/…" in caplog.text
    assert "LC-4711" not in caplog.text


async def test_a_rejection_does_not_say_for_whose_card_the_fact_has_waited() -> None:
    world = World()
    missing = Parked("card/gbrt/LC-4711", "nobody has issued this card")
    overdue = message(sale_event(), {"parked-out": missing.key})

    await world.consume([overdue], always(missing))

    (rejection,) = world.settlement.dead
    assert rejection.description == "waited for card/gbrt/… in vain: nobody has issued this card"
