"""Book sales and returns: what each delivery's outcome is, whatever happened before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.sales.mapping import Sale, booked_amount, retail_transaction
from shared.booking import Booker, Plan, missing_key
from shared.bus import Delivery, Outcome, Rejected
from shared.clock import Clock
from shared.companies import Company
from shared.dynamics import DynamicsError, RetailTransaction, RetailTransactions
from shared.events import Reason
from shared.store.inbox import Inbox

SYSTEM = "finance-operations"
ENTITY_SET = "RetailTransactions"


class Collaborators(Protocol):
    """What booking needs."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def transactions(self) -> RetailTransactions: ...
    @property
    def companies(self) -> Mapping[str, Company]: ...
    @property
    def clock(self) -> Clock: ...


async def book(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    """Return one outcome per delivery; a fact delivered twice is booked once."""
    booker = Booker("ledger", collaborators.inbox, collaborators.clock)

    def prepare(delivery: Delivery) -> Plan[RetailTransaction] | Outcome:
        sale: Sale = delivery.event.data
        company = collaborators.companies.get(sale.key.company)
        if company is None:
            detail = f"company {sale.key.company} is not in the setting COMPANIES"
            return Rejected(Reason.UNKNOWN_COMPANY, detail)
        if sale.currency not in company.currencies:
            return _foreign_currency(sale, company)
        return Plan(
            document=retail_transaction(sale, company, delivery.event.traceparent),
            post=collaborators.transactions.post,
            system=SYSTEM,
            company=sale.key.company,
            entity_set=ENTITY_SET,
            waits_for=lambda error: waits_for(sale, error),
            amount=booked_amount(sale),
            currency=sale.currency,
        )

    return await booker.book(deliveries, prepare)


def waits_for(sale: Sale, error: DynamicsError) -> str:
    """Return the key of the record that the sale waits for, as far as Dynamics says."""
    company = sale.key.company
    candidates = {f"item/{company}/{line.item}": line.item for line in sale.lines}
    if sale.customer:
        candidates[f"customer/{company}/{sale.customer}"] = sale.customer
    return missing_key(error, candidates, f"store/{company}/{sale.key.store}")


def _foreign_currency(sale: Sale, company: Company) -> Rejected:
    allowed = ", ".join(company.currencies)
    detail = f"company {sale.key.company} does not sell in {sale.currency}, only in {allowed}"
    return Rejected(Reason.UNKNOWN_CURRENCY, detail)
