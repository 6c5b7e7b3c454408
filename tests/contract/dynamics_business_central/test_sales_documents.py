"""Orders, invoices and credit memos through API v2.0: each once, whatever gets lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.clock import utc_now
from shared.dynamics.business_central import BusinessCentral, business_central
from shared.dynamics.odata.errors import Conflict, MissingParent, Refused, SetUpWrong, TryLater
from shared.dynamics.ports import Booked, Failed
from shared.dynamics.ports.documents import DeliveryAddress, DocumentKind, SalesLine
from shared.store import MemoryNotes
from tests.contract.dynamics_business_central.conftest import rows, settings_for
from tests.contract.dynamics_business_central.documents import (
    LINES,
    assert_found,
    assert_new,
    error_of,
    invoice,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_invoice_is_created_posted_and_totals_to_the_cent(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    [posting] = await bc.sales_documents.post([invoice()])
    assert_new(posting)
    [made] = await rows(simulator, "salesInvoices")
    assert made["status"] == "Open"
    assert made["number"].startswith("PS-INV")
    assert made["externalDocumentNumber"] == "DERT:S1:T1:1"
    assert made["totalAmountIncludingTax"] == 56.35
    assert [line["lineObjectNumber"] for line in await rows(simulator, "salesInvoiceLines")] == [
        "10002",
        "10001",
    ]
    status = await bc.sales_documents.status(DocumentKind.INVOICE, "dert", "dert:s1:t1:1")
    assert status is not None
    assert (status.number, status.state, status.total) == (made["number"], "Open", Decimal("56.35"))


async def test_what_is_posted_is_found_and_compared(bc: BusinessCentral) -> None:
    first, again, other = await bc.sales_documents.post(
        [invoice(), invoice(), invoice(lines=LINES[:1])]
    )
    assert_new(first)
    assert_found(again)
    error = error_of(other)
    assert isinstance(error, Conflict)
    assert "56.35 there" in error.message
    assert "19.00 here" in error.message


async def test_a_draft_that_an_earlier_attempt_left_is_posted_not_doubled(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, path="NAV.post", retry_after=60))
    [failed] = await bc.sales_documents.post([invoice()])
    assert isinstance(error_of(failed), TryLater)
    assert [made["status"] for made in await rows(simulator, "salesInvoices")] == ["Draft"]
    [posting] = await bc.sales_documents.post([invoice()])
    assert_new(posting)
    assert [made["status"] for made in await rows(simulator, "salesInvoices")] == ["Open"]


@pytest.mark.parametrize("path", ["salesInvoices$", "NAV.post"])
@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT, FaultKind.SERVER_ERROR]
)
async def test_a_lost_answer_is_looked_up_at_either_step(
    bc: BusinessCentral, simulator: DynamicsSimulator, kind: FaultKind, path: str
) -> None:
    simulator.faults.add(Fault(kind=kind, method="POST", path=path))
    [posting] = await bc.sales_documents.post([invoice()])
    assert_new(posting)
    assert [made["status"] for made in await rows(simulator, "salesInvoices")] == ["Open"]
    assert len(await rows(simulator, "generalLedgerEntries")) == 3


async def test_two_workers_that_post_the_same_draft_find_it_posted(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, path="NAV.post", retry_after=60))
    await bc.sales_documents.post([invoice()])
    [one], [two] = await asyncio.gather(
        bc.sales_documents.post([invoice()]), bc.sales_documents.post([invoice()])
    )
    assert_new(*[each for each in (one, two) if not getattr(each, "already_there", True)])
    assert len(await rows(simulator, "generalLedgerEntries")) == 3


async def test_instances_that_post_one_sale_at_the_same_moment_book_it_once(
    simulator: DynamicsSimulator,
) -> None:
    notes = MemoryNotes()
    async with (
        business_central(settings_for(simulator), utc_now, notes) as one,
        business_central(settings_for(simulator), utc_now, notes) as two,
    ):
        postings = await asyncio.gather(
            *(each.sales_documents.post([invoice()]) for each in (one, two, one, two))
        )
    booked = [posting for [posting] in postings if isinstance(posting, Booked)]
    busy = [posting.error for [posting] in postings if isinstance(posting, Failed)]

    assert len(await rows(simulator, "salesInvoices")) == 1
    assert [posting.already_there for posting in booked].count(False) == 1
    assert all(isinstance(error, TryLater) for error in busy)


async def test_a_draft_whose_total_is_not_ours_is_left_for_a_person(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    priced = SalesLine(1, "10002", Decimal(1), Decimal("9.999"))
    [near] = await bc.sales_documents.post([invoice("k1", lines=(priced,))])
    assert_new(near)
    [made] = await rows(simulator, "salesInvoices")
    assert made["totalAmountIncludingTax"] == 10
    doubled = replace(invoice("k1"), lines=(replace(priced, quantity=Decimal(2)),))
    [other] = await bc.sales_documents.post([doubled])
    assert isinstance(error_of(other), Conflict)


async def test_a_customer_whose_prices_mean_something_else_is_a_matter_of_set_up(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    [posting] = await bc.sales_documents.post([invoice(customer="C20001")])
    error = error_of(posting)
    assert isinstance(error, SetUpWrong)
    assert "Prices Including VAT" in error.message
    assert [made["status"] for made in await rows(simulator, "salesInvoices")] == ["Draft"]
    [business] = await bc.sales_documents.post(
        [invoice("k2", customer="C20001", prices_include_tax=False)]
    )
    assert_new(business)


@pytest.mark.parametrize(
    ("company", "currency", "price", "total"),
    [("kwrt", "KWD", "1.2345", "1.235"), ("jprt", "JPY", "99.5", "100")],
)
async def test_amounts_are_those_of_the_currency(
    bc: BusinessCentral, company: str, currency: str, price: str, total: str
) -> None:
    lines = (SalesLine(1, "10002", Decimal(1), Decimal(price)),)
    [posting] = await bc.sales_documents.post(
        [invoice("k", company=company, currency=currency, lines=lines)]
    )
    assert_new(posting)
    status = await bc.sales_documents.status(DocumentKind.INVOICE, company, "k")
    assert status is not None
    assert status.total == Decimal(total)


async def test_a_credit_memo_reduces_the_invoice_it_belongs_to(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    memo = invoice("return-1", kind=DocumentKind.CREDIT_MEMO, applies_to="dert:s1:t1:1")
    [early] = await bc.sales_documents.post([memo])
    assert isinstance(error_of(early), MissingParent)
    assert_new(*await bc.sales_documents.post([invoice()]))
    assert_new(*await bc.sales_documents.post([memo]))
    [made] = await rows(simulator, "salesInvoices")
    assert (made["status"], made["remainingAmount"]) == ("Paid", 0)


async def test_an_order_is_placed_once_shipped_invoiced_and_found_under_its_key(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    order = invoice("web-1", kind=DocumentKind.ORDER, prices_include_tax=False)
    assert_new(*await bc.sales_documents.post([order]))
    assert_found(*await bc.sales_documents.post([order]))
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="shipAndInvoice"))
    posting = await bc.documents.ship_and_invoice("dert", "web-1")
    assert_found(posting)
    assert_found(*await bc.sales_documents.post([order]))
    assert await rows(simulator, "salesOrders") == []
    [made] = await rows(simulator, "salesInvoices")
    assert made["orderNumber"].startswith("S-ORD")
    cancelled = await bc.sales_documents.cancel(DocumentKind.ORDER, "dert", "web-1")
    assert isinstance(error_of(cancelled), Refused)


async def test_an_order_says_when_and_where_its_goods_are_wanted(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    to = DeliveryAddress("Ada Example", "Am Hafen 7", "Hamburg", "20457", "DE")
    order = invoice("web-3", kind=DocumentKind.ORDER, requested=date(2026, 3, 9), delivery=to)
    assert_new(*await bc.sales_documents.post([order]))
    [made] = await rows(simulator, "salesOrders")
    assert made["requestedDeliveryDate"] == "2026-03-09"
    assert [made[f"shipTo{part}"] for part in ("AddressLine1", "City", "PostCode")] == [
        "Am Hafen 7",
        "Hamburg",
        "20457",
    ]


async def test_cancelling_deletes_an_order_and_reverses_an_invoice(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    order = invoice("web-2", kind=DocumentKind.ORDER)
    await bc.sales_documents.post([order, invoice()])
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, method="DELETE"))
    assert_found(await bc.sales_documents.cancel(DocumentKind.ORDER, "dert", "web-2"))
    assert_found(await bc.sales_documents.cancel(DocumentKind.ORDER, "dert", "web-2"))
    assert_new(await bc.sales_documents.cancel(DocumentKind.INVOICE, "dert", "dert:s1:t1:1"))
    assert_found(await bc.sales_documents.cancel(DocumentKind.INVOICE, "dert", "dert:s1:t1:1"))
    [made] = await rows(simulator, "salesInvoices")
    assert made["status"] == "Canceled"


async def test_what_cannot_be_booked_says_why_and_leaves_the_others_alone(
    bc: BusinessCentral,
) -> None:
    wrong = SalesLine(1, "99999", Decimal(1), Decimal(1))
    nowhere = replace(LINES[0], location="MOON")
    postings = await bc.sales_documents.post(
        [
            invoice("k1", company="zzrt"),
            invoice("k2", lines=(wrong,)),
            invoice("k3", lines=(nowhere,)),
            invoice("k4", customer="NOBODY"),
            invoice("k5", kind=DocumentKind.RETURN_ORDER),
            invoice("k6", lines=()),
            invoice("k7"),
        ]
    )
    kinds = [type(error_of(posting)) for posting in postings[:-1]]
    assert kinds == [Refused, MissingParent, MissingParent, MissingParent, Refused, Refused]
    assert_new(postings[-1])


async def test_a_variant_and_a_long_key_reach_the_books(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    red = SalesLine(1, "10003", Decimal(1), Decimal("19.99"), variant="RED-M")
    keys = [f"dert:a-very-long-store-name:till-{n}:20260301-000{n}" for n in (1, 2)]
    assert_new(*await bc.sales_documents.post([invoice(key, lines=(red,)) for key in keys]))
    assert_found(*await bc.sales_documents.post([invoice(key, lines=(red,)) for key in keys]))
    numbers = {made["externalDocumentNumber"] for made in await rows(simulator, "salesInvoices")}
    assert len(numbers) == 2
    assert all(len(number) <= 35 for number in numbers)
    assert all(
        line["itemVariantId"].strip("0-") for line in await rows(simulator, "salesInvoiceLines")
    )


async def test_a_posted_invoice_is_handed_out_as_pdf(bc: BusinessCentral) -> None:
    await bc.sales_documents.post([invoice()])
    sheet = await bc.documents.pdf(DocumentKind.INVOICE, "dert", "dert:s1:t1:1")
    assert sheet is not None
    assert sheet.startswith(b"%PDF")
    assert await bc.documents.pdf(DocumentKind.INVOICE, "dert", "unknown") is None


async def test_throttling_is_handed_on_with_its_time_and_a_lock_is_waited_out(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DEADLOCK, path="salesInvoices$"))
    simulator.faults.add(Fault(kind=FaultKind.UPDATE_CONFLICT, path="NAV.post"))
    assert_new(*await bc.sales_documents.post([invoice("k1")]))
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=120))
    error = error_of((await bc.sales_documents.post([invoice("k2")]))[0])
    assert isinstance(error, TryLater)
    assert error.retry_after == timedelta(minutes=2)
