"""Sales and returns that add up, of any shape the contract allows, for property tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from shared.companies import Company
from shared.events import SaleCompleted, SaleReturned, TransactionKey, minor_units, round_money
from shared.events.money import extended_amount, smallest_amount

COMPANIES = {
    company: Company(currencies=(currency,))
    for company, currency in {
        "usrt": "USD", "gbrt": "GBP", "dert": "EUR", "aert": "AED", "kwrt": "KWD", "jprt": "JPY",
    }.items()
}  # fmt: skip


_KINDS: list[type[SaleCompleted] | type[SaleReturned]] = [SaleCompleted, SaleReturned]


def key(company: str = "usrt", sequence: int = 17, terminal: str = "T1") -> TransactionKey:
    return TransactionKey(
        company=company,
        store="S1",
        business_day=date(2026, 3, 1),
        terminal=terminal,
        sequence=sequence,
    )


def _amounts(currency: str, most: int = 900) -> st.SearchStrategy[Decimal]:
    units = minor_units(currency)
    return st.integers(0, most * 10**units).map(lambda n: Decimal(n).scaleb(-units))


@st.composite
def _line(
    draw: st.DrawFn, number: int, currency: str, inclusive: bool, *, exchanged: bool = False
) -> dict[str, Any]:
    quantity = draw(st.decimals("0.001", "40", places=3))
    price = draw(st.decimals("0", "900", places=4))
    paid = extended_amount(quantity, price, currency)
    discounts = []
    for code in draw(st.lists(st.sampled_from(["PROMO", "COUPON", "STAFF"]), max_size=2)):
        amount = round_money(
            paid * draw(st.sampled_from([Decimal("0.1"), Decimal("0.3")])), currency
        )
        paid -= amount
        discounts.append({"code": code, "amount": amount})
    share = Decimal(0) if exchanged else draw(st.sampled_from([Decimal(0), Decimal("0.05")]))
    basket = round_money(paid * share, currency)
    paid -= basket
    net, taxes = paid, []
    for code, percent in draw(st.lists(st.sampled_from([("STD", 20), ("ECO", 2)]), max_size=3)):
        tax = min(round_money(paid * percent / 100, currency), net)
        net -= tax if inclusive else Decimal(0)
        taxes.append({"code": code, "rate_percent": Decimal(percent), "amount": tax})
    return {
        "number": number,
        "item": draw(st.sampled_from(["85123A", "71053", "22423"])),
        "quantity": quantity,
        "unit_price": price,
        "discounts": discounts,
        "basket_discount": basket,
        "taxes": taxes,
        "net_amount": net,
    }


def _worth(lines: list[dict[str, Any]]) -> Decimal:
    parts = [line["net_amount"] for line in lines]
    parts += [tax["amount"] for line in lines for tax in line["taxes"]]
    return sum(parts, Decimal(0))


@st.composite
def sales(draw: st.DrawFn, company: str = "") -> SaleCompleted | SaleReturned:
    """Draw a sale or return, perhaps with an exchange, of this or one of the six companies."""
    company = company or draw(st.sampled_from(sorted(COMPANIES)))
    currency = COMPANIES[company].currencies[0]
    inclusive = draw(st.booleans())
    lines = [
        draw(_line(number, currency, inclusive)) for number in range(1, draw(st.integers(1, 5)) + 1)
    ]
    total = _worth(lines)
    exchanged: list[dict[str, Any]] = []
    for number in range(len(lines) + 1, len(lines) + 1 + draw(st.sampled_from([0, 0, 1, 2]))):
        other = draw(_line(number, currency, inclusive, exchanged=True))
        # What goes the other way is worth no more: else it would be the other kind of fact.
        if _worth([*exchanged, other]) <= total:
            exchanged.append(other)
    granted = sum((line["basket_discount"] for line in lines), Decimal(0))
    total -= _worth(exchanged)
    smallest = smallest_amount(currency)
    rounding = draw(st.sampled_from([Decimal(0), 2 * smallest])) if smallest < 1 else Decimal(0)
    total += rounding
    change = draw(_amounts(currency, most=50))
    tenders: list[dict[str, Any]] = [
        {"type": "cash", "currency": currency, "amount": total + change,
         "amount_in_sale_currency": total + change},
    ]  # fmt: skip
    if change:
        tenders.append(
            {"type": "cash", "currency": currency, "amount": change,
             "amount_in_sale_currency": change, "is_change": True}
        )  # fmt: skip
    kind = draw(st.sampled_from(_KINDS))
    return kind.model_validate(
        {
            "key": key(company, draw(st.integers(1, 9999))),
            "occurred_at": datetime(2026, 3, 1, 23, 30, 5, tzinfo=UTC),
            "currency": currency,
            "prices_include_tax": inclusive,
            "lines": lines,
            "exchanged_lines": exchanged,
            "basket_discounts": [{"code": "BASKET", "amount": granted}] if granted else [],
            "tenders": tenders,
            "rounding": rounding,
            "total": total,
        }
    )


def simple_sale(sequence: int = 17, company: str = "usrt", **changes: Any) -> SaleCompleted:
    """Return one article for 12.10 including 2.10 tax, paid by card."""
    return SaleCompleted.model_validate(_simple(sequence, company) | changes)


def simple_return(sequence: int = 18, company: str = "usrt", **changes: Any) -> SaleReturned:
    """Return what `simple_sale(17)` sold."""
    body = _simple(sequence, company)
    body["lines"][0]["original"] = {"key": key(company, 17), "line": 1}
    return SaleReturned.model_validate(body | changes)


def _simple(sequence: int, company: str) -> dict[str, Any]:
    currency = COMPANIES[company].currencies[0] if company in COMPANIES else "USD"
    return {
        "key": key(company, sequence),
        "occurred_at": datetime(2026, 3, 1, 23, 30, 5, tzinfo=UTC),
        "currency": currency,
        "prices_include_tax": True,
        "lines": [
            {
                "number": 1,
                "item": "85123A",
                "quantity": Decimal(2),
                "unit_price": Decimal("6.05"),
                "taxes": [{"code": "STD", "rate_percent": Decimal(21), "amount": Decimal("2.10")}],
                "net_amount": Decimal("10.00"),
            }
        ],
        "tenders": [
            {
                "type": "card",
                "currency": currency,
                "amount": Decimal("12.10"),
                "amount_in_sale_currency": Decimal("12.10"),
            }
        ],
        "total": Decimal("12.10"),
    }
