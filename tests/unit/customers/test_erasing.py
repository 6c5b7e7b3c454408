"""What this service keeps of a customer is found by who erases them."""

from __future__ import annotations

from services.customers.handlers import update_customers
from services.customers.sale_points import book_sale_points
from shared.erasure import find, persons_of
from shared.events import encode, new_event
from shared.store.archive import ArchivedFact
from tests.unit.customers.collaborating import delivery
from tests.unit.customers.customers import COMPANY, KEY, NOW, from_shop, registered
from tests.unit.customers.sales import CARD, archive, giving_points, line, sale


async def test_profile_conflicts_and_card_go_with_the_person() -> None:
    all_ = await giving_points()
    facts = [registered(email="a@example.com", loyalty_card=CARD)]
    facts_of_shop = [from_shop(email="b@example.com", changed_at=NOW)]
    for fact in (*facts, *facts_of_shop):
        await update_customers([delivery(fact)], all_)
        await all_.archive.keep(
            [
                ArchivedFact(
                    fact_id=fact.event_id,
                    fact_type=fact.TYPE,
                    subject=fact.natural_key(),
                    company=COMPANY,
                    store="",
                    business_day=None,
                    body=encode(new_event(fact, source="/tills/gbrt", time=NOW)),
                    archived_at=NOW,
                    persons=persons_of(fact),
                )
            ]
        )
    bought = sale(1, [line(1, "10")])
    await archive(all_, bought)
    await book_sale_points([delivery(bought)], all_)

    found = await find([KEY], archive=all_.archive, parking=all_.parking, records=all_.records)

    assert {kind for kind, _ in found.records} == {
        "customer",
        "customer-card",
        "customer-conflict",
    }
    kept = [kind for kind in await all_.records.kinds() if not kind.startswith("customer")]
    assert kept == ["earned-points"]
    [record] = await all_.records.find("earned-points")
    assert CARD not in record.text
