"""How stores price and what they tax, by country and date. Rates are configuration, never code.

Sources: GB HMRC VAT rates; DE UStG section 12 and the 2020 interim cut; JP National Tax Agency
(10 %, 8 % on food); AE Federal Decree-Law 8/2017; KW levies no VAT; US sales tax of Austin, Texas.
Cash is rounded to the smallest coin in use: 25 fils in the Emirates, 5 fils in Kuwait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from .pricing import Tax, Terms


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax rate and the day from which it applies, until a later one of its kind does."""

    kind: str
    """What it applies to: standard or food."""
    valid_from: date
    tax: Tax | None
    """None where nothing is levied."""


@dataclass(frozen=True, slots=True)
class Regime:
    """The rules of one country's stores."""

    terms: Terms
    rates: tuple[Rate, ...]
    price_factor: Decimal
    """What a price tag of 1.00 in the article list becomes in this currency."""
    note: Decimal
    """The note customers mostly pay with."""
    foreign: tuple[str, Decimal] | None = None
    """A foreign currency taken in cash, and what one unit of it is worth here."""
    smallest_coin: Decimal | None = None
    """What cash totals are rounded to, where coins are larger than the minor unit."""

    def taxes(self, kind: str, day: date) -> tuple[Tax, ...]:
        """Return the taxes on articles of a kind on a day; empty where none applies."""
        valid = [rate for rate in self.rates if rate.kind == kind and rate.valid_from <= day]
        if not valid:
            return ()
        latest = max(valid, key=lambda rate: rate.valid_from)
        return (latest.tax,) if latest.tax is not None else ()


def _rate(kind: str, valid_from: str, code: str, percent: str) -> Rate:
    return Rate(kind, date.fromisoformat(valid_from), Tax(code, Decimal(percent)))


REGIMES: Mapping[str, Regime] = MappingProxyType(
    {
        "gbrt": Regime(
            Terms("GBP", prices_include_tax=True),
            (
                _rate("standard", "2010-01-01", "GB-STANDARD", "17.5"),
                _rate("standard", "2011-01-04", "GB-STANDARD", "20"),
                _rate("food", "1973-04-01", "GB-ZERO", "0"),
            ),
            price_factor=Decimal(1),
            note=Decimal(10),
            foreign=("EUR", Decimal("0.8420")),
        ),
        "dert": Regime(
            Terms("EUR", prices_include_tax=True),
            (
                _rate("standard", "2007-01-01", "DE-STANDARD", "19"),
                _rate("standard", "2020-07-01", "DE-STANDARD", "16"),
                _rate("standard", "2021-01-01", "DE-STANDARD", "19"),
                _rate("food", "1983-07-01", "DE-REDUCED", "7"),
                _rate("food", "2020-07-01", "DE-REDUCED", "5"),
                _rate("food", "2021-01-01", "DE-REDUCED", "7"),
            ),
            price_factor=Decimal("1.15"),
            note=Decimal(20),
            foreign=("CHF", Decimal("1.0650")),
        ),
        "usrt": Regime(
            Terms("USD", prices_include_tax=False),
            (_rate("standard", "1990-07-01", "US-TX-AUSTIN", "8.25"),),
            price_factor=Decimal("1.25"),
            note=Decimal(20),
        ),
        "aert": Regime(
            Terms("AED", prices_include_tax=True),
            (
                _rate("standard", "2018-01-01", "AE-STANDARD", "5"),
                _rate("food", "2018-01-01", "AE-STANDARD", "5"),
            ),
            price_factor=Decimal("4.60"),
            note=Decimal(50),
            foreign=("USD", Decimal("3.6725")),
            smallest_coin=Decimal("0.25"),
        ),
        "kwrt": Regime(
            Terms("KWD", prices_include_tax=True),
            (),
            price_factor=Decimal("0.385"),
            note=Decimal(5),
            foreign=("USD", Decimal("0.3070")),
            smallest_coin=Decimal("0.005"),
        ),
        "jprt": Regime(
            Terms("JPY", prices_include_tax=True),
            (
                _rate("standard", "2014-04-01", "JP-STANDARD", "8"),
                _rate("standard", "2019-10-01", "JP-STANDARD", "10"),
                _rate("food", "2014-04-01", "JP-REDUCED", "8"),
            ),
            price_factor=Decimal(190),
            note=Decimal(1000),
        ),
    }
)
"""By company."""
