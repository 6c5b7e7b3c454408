"""Retail transactions with every kind of line, as the sales service writes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from shared.dynamics import RetailTransaction


def sale(
    number: int, amount: str = "12.10", company: str = "usrt", **changes: object
) -> RetailTransaction:
    """Return a sale of one article with tax, discount, payment and change."""
    gross = Decimal(amount)
    tax = Decimal("2.10")
    return RetailTransaction(
        company=company,
        operating_unit="S 1/ä'x",  # everything a key must survive
        terminal="T1",
        transaction_number=f"20260301-{number}",
        header={
            "TransactionType": "Sales",
            "TransactionStatus": "None",
            "ChannelReferenceId": f"fact-{number}",
            "Currency": "USD",
            "GrossAmount": -gross,
            "NetAmount": -(gross - tax),
            "PaymentAmount": gross,
            "businessDate": date(2026, 3, 1),
            "TransactionDate": date(2026, 3, 1),
            "TransactionTime": 43200,
            **changes,
        },
        sales_lines=(
            {
                "LineNumber": 1,
                "ItemId": "20117",
                "Quantity": Decimal("-1.5"),
                "NetAmount": -(gross - tax),
                "SalesTaxAmount": -tax,
            },
        ),
        payment_lines=(
            {"LineNumber": 1, "Store": "S1", "TenderType": "1", "AmountTendered": gross + 5},
            {
                "LineNumber": 2,
                "Store": "S1",
                "TenderType": "1",
                "AmountTendered": Decimal(-5),
                "IsChangeLine": "Yes",
            },
        ),
        tax_lines=({"SalesLineNumber": 1, "TaxCode": "STD", "TaxAmount": -tax},),
        discount_lines=(
            {"SalesLineNumber": 1, "LineNumber": 1, "DiscountAmount": Decimal("0.50")},
        ),
    )
