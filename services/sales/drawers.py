"""What happens to a drawer's money as the retail transaction Dynamics keeps. Pure.

Symbols of RetailTransactionType. Money that comes into the drawer is positive, also on income and
expense lines it is turned round, as goods are: income is negative, expense positive, so that
IncomeExpenseAmount + PaymentAmount = 0 [signs to be confirmed on a tenant].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.sales.accounts import account
from services.sales.mapping import known
from services.sales.slips import DrawerSlip
from shared.companies import Company
from shared.dynamics import Body, RetailTransaction
from shared.events import CashMoved, TenderDeclared

TRANSACTION_TYPES: Mapping[str, str] = {
    "float-entry": "FloatEntry",
    "float-removal": "RemoveTender",
    "safe-drop": "SafeDrop",
    "bank-drop": "BankDrop",
    "paid-in": "IncomeExpense",
    "paid-out": "IncomeExpense",
}
DECLARATION = "TenderDeclaration"
ACCOUNT_TYPES: Mapping[str, str] = {"paid-in": "Income", "paid-out": "Expense"}


class _Money(NamedTuple):
    type: str
    currency: str
    amount: Decimal
    """Signed: positive where it comes into the drawer, and where it was counted."""


def drawer_transaction(slip: DrawerSlip, company: Company) -> RetailTransaction:
    """Return the transaction. Raises NotBookable where an account is needed and not set."""
    fact = slip.fact
    return RetailTransaction(
        company=company.entity(fact.key.company),
        operating_unit=fact.key.store,
        terminal=fact.key.terminal,
        transaction_number=slip.number,
        header=_header(slip, company),
        payment_lines=tuple(_payment_lines(slip, company)),
        income_expense_lines=tuple(_income_expense(slip, company)),
        traceparent=slip.traceparent,
    )


def _header(slip: DrawerSlip, company: Company) -> Body:
    fact = slip.fact
    local = fact.occurred_at.astimezone(ZoneInfo(company.time_zone))
    currency = fact.currency if isinstance(fact, CashMoved) else company.currencies[0]
    return known(
        **_said_by_kind(slip),
        TransactionStatus="None",
        ChannelReferenceId=str(slip.fact_id),
        TransactionDate=local.date(),
        TransactionTime=local.hour * 3600 + local.minute * 60 + local.second,
        businessDate=fact.key.business_day,
        Currency=currency,
        PaymentAmount=sum(
            (each.amount for each in _money(slip) if each.currency == currency), Decimal(0)
        ),
        NumberOfPaymentLines=len(_money(slip)),
        Staff=fact.cashier,
    )


def _said_by_kind(slip: DrawerSlip) -> dict[str, object]:
    fact = slip.fact
    if isinstance(fact, TenderDeclared):
        return {"TransactionType": DECLARATION, "Shift": fact.shift}
    return {
        "TransactionType": TRANSACTION_TYPES[fact.kind],
        "IncomeExpenseAmount": -_signed(slip) if fact.kind in ACCOUNT_TYPES else None,
        "Comment": fact.bag,
    }


def _money(slip: DrawerSlip) -> list[_Money]:
    fact = slip.fact
    if isinstance(fact, CashMoved):
        return [_Money(fact.type, fact.currency, _signed(slip))]
    return [_Money(each.type, each.currency, slip.sign * each.amount) for each in fact.tenders]


def _signed(slip: DrawerSlip) -> Decimal:
    fact = slip.fact
    return slip.sign * fact.drawer_amount if isinstance(fact, CashMoved) else Decimal(0)


def _payment_lines(slip: DrawerSlip, company: Company) -> Iterator[Body]:
    for number, each in enumerate(_money(slip), start=1):
        own = each.currency == company.currencies[0]
        yield known(
            LineNumber=number,
            Store=slip.fact.key.store,
            TenderType=company.tender_type(each.type),
            CurrencyCode=each.currency,
            AmountTendered=each.amount if own else None,
            AmountInTenderedCurrency=each.amount,
            AmountInAccountingCurrency=each.amount if own else None,
            IsChangeLine="No",
            VoidStatus="None",
        )


def _income_expense(slip: DrawerSlip, company: Company) -> Iterator[Body]:
    fact = slip.fact
    if isinstance(fact, CashMoved) and fact.kind in ACCOUNT_TYPES:
        yield {
            "LineNumber": 1,
            "AccountNumber": fact.account or account(company, fact.kind),
            "AccountType": ACCOUNT_TYPES[fact.kind],
            "Amount": -_signed(slip),
        }
