"""The rows every new database begins with: currencies, messages and their filters, customers.

Ids are uuid5 of the names, so that they are the same in every database.
"""

from __future__ import annotations

import uuid

from .columns import Row
from .rows import Rows
from .tables import BY_LOGICAL, TABLES

_SPACE = uuid.UUID("6b1f7a3e-6a53-5d0c-9a0e-2b7f3f9d1c00")
_CURRENCIES = {
    "USD": ("US Dollar", "$", 2), "GBP": ("Pound Sterling", "£", 2), "EUR": ("Euro", "€", 2),
    "AED": ("UAE Dirham", "AED", 2), "KWD": ("Kuwaiti Dinar", "KWD", 3), "JPY": ("Yen", "¥", 0),
}  # fmt: skip
_MESSAGES = ("Create", "Update", "Delete")
_ACCOUNTS = ("Harbour Stationers", "Nordlicht Handel", "Al Waha Trading")
_CONTACTS = (("Ada", "Ferro"), ("Jonas", "Weidt"), ("Mariam", "Saleh"))


def seeded_id(kind: str, name: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{kind}/{name}"))


def seed(rows: Rows) -> None:
    """Put them into a database that has none."""
    if rows.counts():
        return
    with rows.transaction():
        for code, (name, symbol, precision) in _CURRENCIES.items():
            _put(rows, "transactioncurrency", code, {
                "isocurrencycode": code, "currencyname": name,
                "currencysymbol": symbol, "currencyprecision": precision,
            })  # fmt: skip
        for message in _MESSAGES:
            _put(rows, "sdkmessage", message, {"name": message})
            for table in TABLES.values():
                _put(rows, "sdkmessagefilter", f"{message}/{table.logical}", {
                    "primaryobjecttypecode": table.logical,
                    "_sdkmessageid_value": seeded_id("sdkmessage", message),
                })  # fmt: skip
        for name in _ACCOUNTS:
            _put(rows, "account", name, {"name": name, "creditonhold": False})
        for first, last in _CONTACTS:
            name = f"{first} {last}"
            _put(rows, "contact", name, {
                "firstname": first, "lastname": last, "fullname": name, "creditonhold": False,
            })  # fmt: skip


def _put(rows: Rows, logical: str, name: str, row: Row) -> None:
    state: Row = {"statecode": 0, "statuscode": 1, "createdon": _THEN, "modifiedon": _THEN}
    rows.put(BY_LOGICAL[logical], seeded_id(logical, name), {**state, **row})


_THEN = "2026-01-01T00:00:00Z"
