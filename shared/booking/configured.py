"""Whether a company's facts can be booked here at all. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.bus import Rejected
from shared.companies import Company
from shared.events import Reason


def configured(
    companies: Mapping[str, Company], name: str, currency: str | None = None
) -> Company | Rejected:
    """Return the settings of the company that facts call `name`, or why it books nothing.

    `currency`: what the fact is in, None where it has none.
    """
    company = companies.get(name)
    if company is None:
        return Rejected(Reason.UNKNOWN_COMPANY, f"company {name} is not in the setting COMPANIES")
    if currency is not None and currency not in company.currencies:
        allowed = ", ".join(company.currencies)
        detail = f"company {name} does not sell in {currency}, only in {allowed}"
        return Rejected(Reason.UNKNOWN_CURRENCY, detail)
    return company
