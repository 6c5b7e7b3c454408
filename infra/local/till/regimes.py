"""How stores price and what they tax, by company.

The rates are those of `shared.tax`, dated and with their sources; here stands only which of its
country's rates a kind of article is under, and how people pay. Cash is rounded to the smallest coin
in use: 25 fils in the Emirates, 5 in Kuwait and Bahrain, 25 halalas in Saudi Arabia, 5 baisa in
Oman.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from types import MappingProxyType

from shared.tax import TaxRates

from .pricing import Tax, Terms

STANDARD, REDUCED, ZERO = "standard", "reduced", "zero"
"""Kinds of rate: the first two as `shared.tax` calls them, zero is 0 % where any tax is levied."""


@dataclass(frozen=True, slots=True)
class LocalTax:
    """A tax of one place, which no country's law sets."""

    code: str
    percent: Decimal
    valid_from: date


@dataclass(frozen=True, slots=True)
class Regime:
    """The rules of one country's stores."""

    country: str
    """ISO 3166-1 code."""
    terms: Terms
    price_factor: Decimal
    """What a price tag of 1.00 in the article list becomes in this currency."""
    note: Decimal
    """The note customers mostly pay with."""
    food: str = STANDARD
    """The kind of rate food is under; everything else is under the standard rate."""
    local: Mapping[str, LocalTax] = field(default_factory=dict)
    """Taxes of the place by kind of article, where the country has no rates."""
    foreign: tuple[str, Decimal] | None = None
    """A foreign currency taken in cash, and what one unit of it is worth here."""
    smallest_coin: Decimal | None = None
    """What cash totals are rounded to, where coins are larger than the minor unit."""

    def taxes(self, kind: str, day: date) -> tuple[Tax, ...]:
        """Return the taxes on articles of a kind on a day; empty where none applies."""
        local = self.local.get(kind)
        if local is not None:
            return (Tax(local.code, local.percent),) if local.valid_from <= day else ()
        wanted = self.food if kind == "food" else STANDARD
        for name in (wanted, STANDARD):  # food is taxed like the rest where no rate of its own is
            tax = self._tax(name, day)
            if tax is not None:
                return (tax,)
        return ()

    def _tax(self, kind: str, day: date) -> Tax | None:
        law = _rates().country(self.country)
        rate = law and law.rate(STANDARD if kind == ZERO else kind, day)
        if not rate:
            return None
        percent = Decimal(0) if kind == ZERO else rate.percent
        return Tax(f"{self.country}-{kind.upper()}", percent)


@cache
def _rates() -> TaxRates:
    return TaxRates.packaged()


REGIMES: Mapping[str, Regime] = MappingProxyType(
    {
        "gbrt": Regime(
            "GB",
            Terms("GBP", prices_include_tax=True),
            price_factor=Decimal(1),
            note=Decimal(10),
            food=ZERO,
            foreign=("EUR", Decimal("0.8420")),
        ),
        "dert": Regime(
            "DE",
            Terms("EUR", prices_include_tax=True),
            price_factor=Decimal("1.15"),
            note=Decimal(20),
            food=REDUCED,
            foreign=("CHF", Decimal("1.0650")),
        ),
        "usrt": Regime(
            "US",
            Terms("USD", prices_include_tax=False),
            price_factor=Decimal("1.25"),
            note=Decimal(20),
            # Sales tax of Austin, Texas; food is exempt.
            local={"standard": LocalTax("US-TX-AUSTIN", Decimal("8.25"), date(1990, 7, 1))},
        ),
        "aert": Regime(
            "AE",
            Terms("AED", prices_include_tax=True),
            price_factor=Decimal("4.60"),
            note=Decimal(50),
            foreign=("USD", Decimal("3.6725")),
            smallest_coin=Decimal("0.25"),
        ),
        "kwrt": Regime(
            "KW",
            Terms("KWD", prices_include_tax=True),
            price_factor=Decimal("0.385"),
            note=Decimal(5),
            foreign=("USD", Decimal("0.3070")),
            smallest_coin=Decimal("0.005"),
        ),
        "jprt": Regime(
            "JP",
            Terms("JPY", prices_include_tax=True),
            price_factor=Decimal(190),
            note=Decimal(1000),
            food=REDUCED,
        ),
        "sart": Regime(
            "SA",
            Terms("SAR", prices_include_tax=True),
            price_factor=Decimal("4.70"),
            note=Decimal(50),
            foreign=("USD", Decimal("3.7500")),
            smallest_coin=Decimal("0.25"),
        ),
        "bhrt": Regime(
            "BH",
            Terms("BHD", prices_include_tax=True),
            price_factor=Decimal("0.470"),
            note=Decimal(5),
            foreign=("SAR", Decimal("0.1000")),
            smallest_coin=Decimal("0.005"),
        ),
        "omrt": Regime(
            "OM",
            Terms("OMR", prices_include_tax=True),
            price_factor=Decimal("0.480"),
            note=Decimal(5),
            foreign=("AED", Decimal("0.1048")),
            smallest_coin=Decimal("0.005"),
        ),
    }
)
"""By company."""
