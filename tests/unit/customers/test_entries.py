"""Points, gift cards and notes that tills and shops speak of: one entry each, of known cards."""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic_core import from_json

from services.customers.feedback import note_feedback
from services.customers.gift_cards import book_gift_cards
from services.customers.handlers import update_customers
from services.customers.points import book_points
from services.customers.reversals import reverse
from shared.bus import Later, Parked, Rejected
from shared.companies import Company
from shared.dynamics import Refused, TryLater
from shared.dynamics.ports.loyalty import CardMovement, PointsKind
from shared.events import Fact, Reason, ReversalOrdered, encode, new_event, without_personal_fields
from shared.store.errors import StoreUnavailable
from shared.store.records import MemoryRecords
from tests.unit.customers.collaborating import Collaborators, delivery, documents, effects
from tests.unit.customers.customers import COMPANY, KEY, NOW, registered
from tests.unit.customers.sales import CARD, giving_points
from tests.unit.customers.till import (
    GIFT_CARD,
    feedback,
    gift_card_redeemed,
    gift_card_sold,
    points_earned,
    points_redeemed,
)


async def points(all_: Collaborators, *facts: Fact) -> list[Any]:
    return await book_points([delivery(fact) for fact in facts], all_)


async def gift_cards(all_: Collaborators, *facts: Fact) -> list[Any]:
    return await book_gift_cards([delivery(fact) for fact in facts], all_)


async def notes(all_: Collaborators, *facts: Fact) -> list[Any]:
    return await note_feedback([delivery(fact) for fact in facts], all_)


def order(fact: Fact, effect: str) -> ReversalOrdered:
    event = from_json(encode(new_event(fact, source="/tills/gbrt", time=NOW)))
    return ReversalOrdered(
        fact_id=fact.event_id,
        effect=effect,
        event=event,
        reason="a mistake",
        ordered_by="kim",
        ordered_at=NOW,
    )


async def reversed_(all_: Collaborators, fact: Fact, effect: str) -> Any:
    [outcome] = await reverse([delivery(order(fact, effect))], all_)
    return outcome


class TestPoints:
    async def test_earning_adds_and_spending_takes_with_keys_of_their_own(self) -> None:
        all_ = await giving_points()
        outcomes = await points(all_, points_earned(1), points_redeemed(1), points_earned(1))
        assert [effects(each) for each in outcomes] == [["points"]] * 3
        assert outcomes[0] == outcomes[2]
        assert {(each.kind, each.points) for each in all_.points.entries.values()} == {
            (PointsKind.EARNED, Decimal(7)),
            (PointsKind.REDEEMED, Decimal(-7)),
        }

    async def test_a_card_nobody_has_issued_waits(self) -> None:
        [outcome] = await points(Collaborators(), points_earned())
        assert isinstance(outcome, Parked)
        assert outcome.key == f"card/{COMPANY}/{CARD}"
        assert CARD not in outcome.missing

    async def test_a_registered_card_is_known(self) -> None:
        all_ = Collaborators()
        await update_customers([delivery(registered(loyalty_card=CARD))], all_)
        [outcome] = await points(all_, points_earned())
        assert effects(outcome) == ["points"]

    async def test_a_card_with_an_opening_balance_is_known(self) -> None:
        all_ = await giving_points()
        await points(all_, points_earned(1))
        all_.records = MemoryRecords()
        [outcome] = await points(all_, points_earned(2))
        assert effects(outcome) == ["points"]

    async def test_a_book_that_cannot_say_whether_there_is_such_a_card_makes_it_wait(self) -> None:
        all_ = Collaborators()

        async def busy(*_: Any) -> None:
            raise TryLater(f"busy with {CARD}", timedelta(minutes=1))

        all_.points.balance = busy  # type: ignore[assignment,method-assign]
        [outcome] = await points(all_, points_earned())
        assert outcome == Later("busy with …", NOW + timedelta(minutes=1))

    async def test_a_refusal_does_not_quote_the_card(self) -> None:
        all_ = await giving_points()
        all_.points.errors.append(Refused(f"card {CARD} is blocked"))
        [outcome] = await points(all_, points_earned())
        assert outcome == Rejected(Reason.REFUSED_BY_DYNAMICS, "card … is blocked")

    async def test_reversing_books_the_opposite_once(self) -> None:
        all_ = await giving_points()
        await points(all_, points_earned(1), points_redeemed(2))
        for fact in (points_earned(1), points_redeemed(2)):
            first = await reversed_(all_, fact, "points")
            again = await reversed_(all_, fact, "points")
            assert first == again
            assert documents(first)[0].fact_id == order(fact, "points").event_id
        assert sum(each.points for each in all_.points.entries.values()) == 0
        assert len(all_.points.entries) == 4

    async def test_an_erased_card_cannot_be_given_anything_back(self) -> None:
        all_ = await giving_points()
        await points(all_, points_earned())
        outcome = await reversed_(all_, without_personal_fields(points_earned()), "points")
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.NOT_REVERSIBLE

    async def test_an_unknown_company_is_rejected(self) -> None:
        [outcome] = await points(Collaborators(companies={}), points_earned())
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.UNKNOWN_COMPANY


class TestGiftCards:
    async def test_issue_top_up_and_redemption_add_up(self) -> None:
        all_ = Collaborators()
        [issued] = await gift_cards(all_, gift_card_sold(1))
        topped, redeemed = await gift_cards(
            all_, gift_card_sold(2, is_top_up=True), gift_card_redeemed(3)
        )
        amounts = [documents(each)[0].amount for each in (issued, topped, redeemed)]
        assert amounts == [Decimal("50.00"), Decimal("50.00"), Decimal("-12.50")]
        assert documents(issued)[0].currency == "GBP"
        assert [each.movement for each in all_.gifts.entries.values()] == [
            CardMovement.ISSUED,
            CardMovement.ADDED,
            CardMovement.REDEEMED,
        ]

    async def test_a_redemption_that_overtakes_its_card_waits_and_is_released_by_it(self) -> None:
        all_ = Collaborators()
        [outcome] = await gift_cards(all_, gift_card_redeemed())
        assert isinstance(outcome, Parked)
        released: list[str] = []

        async def release(keys: Any, now: Any, **_: Any) -> int:
            released.extend(keys)
            return 0

        all_.parking.release = release  # type: ignore[method-assign]
        await gift_cards(all_, gift_card_sold())
        assert released == [outcome.key] == [f"card/{COMPANY}/{GIFT_CARD}"]
        [outcome] = await gift_cards(all_, gift_card_redeemed())
        assert effects(outcome) == ["gift-card"]

    async def test_a_currency_the_company_does_not_sell_in_is_rejected(self) -> None:
        [outcome] = await gift_cards(Collaborators(), gift_card_sold(currency="EUR"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.UNKNOWN_CURRENCY

    async def test_reversing_brings_the_balance_back(self) -> None:
        all_ = Collaborators()
        await gift_cards(all_, gift_card_sold())
        await gift_cards(all_, gift_card_redeemed())
        for fact in (gift_card_redeemed(), gift_card_sold()):
            [document] = documents(await reversed_(all_, fact, "gift-card"))
            assert document.currency == "GBP"
        assert await all_.gifts.balance(COMPANY, GIFT_CARD) == 0
        assert [each.movement for each in all_.gifts.entries.values()][2:] == [
            CardMovement.REFUNDED,
            CardMovement.CASHED_OUT,
        ]


class TestFeedback:
    async def test_feedback_becomes_a_note_with_what_it_is_about(self) -> None:
        all_ = Collaborators()
        await update_customers([delivery(registered())], all_)
        [outcome] = await notes(all_, feedback())
        assert effects(outcome) == ["note"]
        [note] = all_.noted.notes.values()
        assert note.text.startswith("Rating: 4 of 10\nStore: LONDON\n")
        assert note.text.endswith("\n\nFriendly, but a long queue.")

    async def test_feedback_of_an_unknown_customer_waits_for_them(self) -> None:
        [outcome] = await notes(Collaborators(), feedback())
        assert outcome == Parked(f"customer/{KEY}", "no such contact")

    async def test_feedback_of_an_organisation_goes_to_its_account(self) -> None:
        all_ = Collaborators()
        await update_customers([delivery(registered(is_person=False))], all_)
        await notes(all_, feedback())
        [note] = all_.noted.notes.values()
        assert not note.is_person

    async def test_where_nobody_keeps_notes_feedback_is_not_bookable(self) -> None:
        settings = Company(currencies=("GBP",), customers=("business-central",))
        [outcome] = await notes(Collaborators(companies={COMPANY: settings}), feedback())
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.NOT_BOOKABLE_HERE

    async def test_a_note_is_withdrawn_by_another(self) -> None:
        all_ = Collaborators()
        await update_customers([delivery(registered())], all_)
        await notes(all_, feedback())
        outcome = await reversed_(all_, feedback(), "note")
        assert effects(outcome) == ["note"]
        assert [each.subject for each in all_.noted.notes.values()] == [
            "Feedback",
            "Withdrawn: Feedback",
        ]


@pytest.mark.parametrize("effect", ["customer", "contact"])
async def test_what_is_known_of_a_customer_is_not_reversible(effect: str) -> None:
    all_ = Collaborators()
    await update_customers([delivery(registered())], all_)
    outcome = await reversed_(all_, registered(), effect)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.NOT_REVERSIBLE


async def test_without_the_store_everything_waits(caplog: pytest.LogCaptureFixture) -> None:
    class Unavailable(MemoryRecords):
        async def read(self, kind: str, keys: Any) -> Any:
            raise StoreUnavailable("no database")

    caplog.set_level(logging.ERROR)
    all_ = Collaborators(records=Unavailable())
    for outcomes in (
        await points(all_, points_earned()),
        await gift_cards(all_, gift_card_redeemed()),
        await notes(all_, feedback()),
    ):
        assert [type(each) for each in outcomes] == [Later]
    assert len(caplog.records) == 3


async def test_nothing_delivered_is_nothing_booked() -> None:
    all_ = Collaborators()
    for handler in (book_points, book_gift_cards, note_feedback, update_customers, reverse):
        assert await handler([], all_) == []
