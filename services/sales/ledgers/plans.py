"""What every plan of this service has in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from services.sales.slips import DrawerSlip, Slip, directed, document_key, originals
from shared.booking import Plan, missing_key
from shared.companies import Company
from shared.dynamics import DynamicsError, Posting
from shared.events import CashMoved, StoreDayClosed

D = TypeVar("D")
Post = Callable[[Sequence[D]], Awaitable[Sequence[Posting]]]


def sale_plan(
    slip: Slip, company: Company, document: D, post: Post[D], system: str, entity_set: str
) -> Plan[D]:
    return Plan(
        document=document,
        post=post,
        system=system,
        company=slip.sale.key.company,
        entity_set=entity_set,
        waits_for=lambda error: waits_for(slip, company, error),
        amount=slip.sale.signed_amount,
        currency=slip.sale.currency,
    )


def drawer_plan(
    slip: DrawerSlip, document: D, post: Post[D], system: str, entity_set: str
) -> Plan[D]:
    fact = slip.fact
    moved = fact if isinstance(fact, CashMoved) else None
    return Plan(
        document=document,
        post=post,
        system=system,
        company=fact.key.company,
        entity_set=entity_set,
        waits_for=lambda _: f"store/{fact.key.company}/{fact.key.store}",
        amount=slip.sign * moved.drawer_amount if moved else Decimal(0),
        currency=moved.currency if moved else "",
    )


def day_plan(
    fact: StoreDayClosed, document: D, post: Post[D], system: str, entity_set: str
) -> Plan[D]:
    return Plan(
        document=document,
        post=post,
        system=system,
        company=fact.company,
        entity_set=entity_set,
        waits_for=lambda _: f"store/{fact.company}/{fact.store}",
    )


def waits_for(slip: Slip, company: Company, error: DynamicsError) -> str:
    """Return the key of the record the sale waits for, as far as Dynamics says.

    Where it names the kind only ("Item does not exist."), the first of that kind is waited for: the
    others are looked at when it comes, and by the probes in between.
    """
    sale = slip.sale
    where = sale.key.company
    customer = sale.customer or company.walk_in_customer
    items = list(dict.fromkeys(line.item for line, _ in directed(sale)))
    candidates = {f"sale/{key}": document_key(key) for key in originals(sale)}
    candidates |= {f"item/{where}/{item}": item for item in items}
    if customer:
        candidates[f"customer/{where}/{customer}"] = customer
    store = f"store/{where}/{sale.key.store}"
    found = missing_key(error, candidates, store)
    if found != store:
        return found
    said = error.describe().casefold()
    if "customer" in said and customer:
        return f"customer/{where}/{customer}"
    return f"item/{where}/{items[0]}" if "item" in said else store
