"""Payments and general journals: lines, batches, and what the ledger has of them afterwards."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics.business_central import BusinessCentral
from shared.dynamics.odata.errors import Conflict, MissingParent, Refused, TryLater
from shared.dynamics.ports.documents import JournalLine
from shared.dynamics.ports.posting import Booked
from tests.contract.dynamics_business_central.conftest import rows
from tests.contract.dynamics_business_central.documents import (
    assert_found,
    assert_new,
    error_of,
    invoice,
    journal,
    payment,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_payment_is_a_line_of_the_journal_once_and_applies_to_its_invoice(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    paid = payment(applies_to="dert:s1:t1:1")
    [early] = await bc.customer_payments.post([paid])
    assert isinstance(error_of(early), MissingParent)
    await bc.sales_documents.post([invoice()])
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, method="POST", path="Payments$"))
    assert_found(*await bc.customer_payments.post([paid]))
    assert_found(*await bc.customer_payments.post([paid]))
    [line] = await rows(simulator, "customerPayments")
    assert line["amount"] == -56.35
    assert line["appliesToInvoiceNumber"].startswith("PS-INV")


async def test_another_payment_under_the_key_is_a_conflict_and_another_currency_refused(
    bc: BusinessCentral,
) -> None:
    assert_new(*await bc.customer_payments.post([payment()]))
    other, foreign = await bc.customer_payments.post(
        [payment(amount=Decimal(1)), payment("k2", currency="USD")]
    )
    assert isinstance(error_of(other), Conflict)
    assert isinstance(error_of(foreign), Refused)
    assert "USD" in error_of(foreign).message


async def test_a_journal_is_posted_as_a_whole_and_found_in_the_ledger(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    assert_new(*await bc.ledger_journals.post([journal()]))
    assert_found(*await bc.ledger_journals.post([journal()]))
    entries = await rows(simulator, "generalLedgerEntries")
    assert sorted(
        (entry["accountNumber"], entry["debitAmount"], entry["creditAmount"]) for entry in entries
    ) == [("2910", 119, 0), ("5610", 0, 19), ("6110", 0, 100)]
    kept = {line["parentType"] for line in await rows(simulator, "dimensionSetLines")}
    assert kept == {"General_x0020_Ledger_x0020_Entry"}
    other = journal(lines=(JournalLine(1, "2910", Decimal(5), "6110"),))
    assert isinstance(error_of((await bc.ledger_journals.post([other]))[0]), Conflict)


@pytest.mark.parametrize("path", ["journals$", "NAV.post"])
@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT])
async def test_a_journal_survives_a_lost_answer_at_either_step(
    bc: BusinessCentral, simulator: DynamicsSimulator, kind: FaultKind, path: str
) -> None:
    simulator.faults.add(Fault(kind=kind, method="POST", path=path))
    [posting] = await bc.ledger_journals.post([journal()])
    assert isinstance(posting, Booked)
    assert len(await rows(simulator, "generalLedgerEntries")) == 3
    assert len(await rows(simulator, "journalLines")) == 0


async def test_a_batch_left_unposted_or_emptied_by_hand_is_completed(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, path="NAV.post", retry_after=60))
    [failed] = await bc.ledger_journals.post([journal()])
    assert isinstance(error_of(failed), TryLater)
    path = await bc.api.company("dert", "journals")
    [batch] = [each for each in await rows(simulator, "journals") if each["code"] != "DEFAULT"]
    for line in await rows(simulator, "journalLines"):
        await bc.api.delete(f"{path}({batch['id']})/journalLines({line['id']})", "*")
    assert_new(*await bc.ledger_journals.post([journal()]))
    assert len(await rows(simulator, "generalLedgerEntries")) == 3


async def test_two_workers_with_one_journal_post_it_once(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    await asyncio.gather(*(bc.ledger_journals.post([journal()]) for _ in range(3)))
    assert_found(*await bc.ledger_journals.post([journal()]))
    assert len(await rows(simulator, "generalLedgerEntries")) == 3


async def test_a_journal_out_of_balance_is_refused(bc: BusinessCentral) -> None:
    lines = (JournalLine(1, "2910", Decimal(5)), JournalLine(2, "6110", Decimal(-4)))
    [posting] = await bc.ledger_journals.post([journal(lines=lines)])
    assert isinstance(error_of(posting), Refused)
    assert "out of balance" in error_of(posting).message
