"""A customer's profile as each book is to hold it. Pure.

Group, credit and payment terms are Dynamics' own: no fact speaks of them, and they stay as they
are.
"""

from __future__ import annotations

from services.customers.authority import Authority
from services.customers.books import CustomersBook
from services.customers.profile import Profile
from shared.companies import Company
from shared.dynamics.ports.master_data import Customer


def values_in_force(profile: Profile, company: str, authority: Authority) -> dict[str, str]:
    """Return what holds of each field that anybody has spoken of."""
    holding = (
        (name, claims.in_force(authority.rule(company, name)))
        for name, claims in profile.fields.items()
    )
    return {name: claim.value for name, claim in holding if claim is not None}


def to_send(
    profile: Profile, company: str, authority: Authority, book: CustomersBook
) -> dict[str, str]:
    """Return what a book is to hold; what a person there changed and waits for a decision stays."""
    holding = values_in_force(profile, company, authority)
    return {
        name: holding[name]
        for name in book.fields
        if holding.get(name) and book.system not in profile.fields[name].open
    }


def customer_document(
    profile: Profile,
    values: dict[str, str],
    found: Customer | None,
    number: str,
    company: str,
    settings: Company,
    book: CustomersBook,
) -> Customer:
    """Return the customer as it is written to a book; '' leaves a field as it is there."""
    is_new = found is None
    return Customer(
        company=settings.entity(company),
        number=number,
        **{"name": "", **values},
        # The adapter puts a default group where none is named: theirs is not to be replaced by it.
        group="" if found is None else found.group,
        currency=settings.currencies[0] if is_new and book.currency else "",
        is_person=profile.is_person if found is None else found.is_person,
    )
