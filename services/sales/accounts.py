"""Which main account a company's money is booked on: the setting `accounts` of COMPANIES. Pure."""

from __future__ import annotations

from shared.companies import Company


class NotBookable(Exception):
    """The company's ledger has no document for it, or is not told which account to use."""


def account(company: Company, *purposes: str) -> str:
    """Return the account of the first purpose that has one; raises NotBookable."""
    for purpose in purposes:
        if found := company.accounts.get(purpose):
            return found
    named = " or ".join(f"'{purpose}'" for purpose in purposes)
    raise NotBookable(f"accounts in COMPANIES has no {named}")
