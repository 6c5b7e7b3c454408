"""What is sent to each product: single inserts and its own kind of batch, of rows a till causes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from infra.local.dynamics.commerce.seed import CHANNELS, PRODUCTS

JSON = "application/json"
_PART = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
_CHANGESETS, _ROWS = 100, 45
_COMPANY = uuid.uuid5(uuid.NAMESPACE_OID, "usrt")


@dataclass(frozen=True, slots=True)
class Sent:
    path: str
    body: bytes
    rows: int
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Workload:
    product: str
    single: Callable[[int], Sent]
    batch: Callable[[int], Sent] | None
    counted: tuple[str, ...]
    """The entity sets whose rows show what was stored."""
    resource: str = ""
    """Of the token; empty: the simulator itself."""
    headers: Mapping[str, str] = field(default_factory=dict)


def _json(path: str, document: object, rows: int = 1) -> Sent:
    return Sent(path, json.dumps(document).encode(), rows)


# Finance & Operations: a header alone, and changesets of header, lines and taxes


def _sale(number: int) -> Sent:
    return _json("/data/RetailTransactions", _HEADER | _key(f"s{number}"))


def _sales(number: int) -> Sent:
    pieces = []
    for sale in range(_CHANGESETS):
        pieces.append("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n")
        key = _key(f"{number}-{sale}")
        for row in range(_ROWS):
            name, body = _row(key, row)
            pieces.append(
                f"--c\r\n{_PART}Content-ID: {row + 1}\r\n\r\nPOST /data/{name} HTTP/1.1\r\n"
                f"Content-Type: application/json\r\n\r\n{json.dumps(body)}\r\n"
            )
        pieces.append("--c--\r\n")
    whole = "".join([*pieces, "--b--\r\n"]).encode()
    rows = _CHANGESETS * _ROWS
    return Sent("/data/$batch", whole, rows, "multipart/mixed; boundary=b")


def _key(number: str) -> dict[str, str]:
    return {
        "dataAreaId": "usrt",
        "OperatingUnitNumber": "052",
        "Terminal": "T1",
        "TransactionNumber": number,
    }


def _row(key: dict[str, str], row: int) -> tuple[str, dict[str, object]]:
    if row == 0:
        return "RetailTransactions", _HEADER | key
    if row % 2:
        return "RetailTransactionSalesLinesV2", _LINE | key | {"LineNumber": row}
    return "RetailTransactionTaxLines", _TAX | key | {"SalesLineNumber": row}


_HEADER: dict[str, object] = {
    "TransactionType": "Sales",
    "TransactionStatus": "None",
    "ChannelReferenceId": "0b0f4ac4-6f4b-5b06-8a34-1d5d0b2e9f55",
    "TransactionDate": "2011-01-04T12:00:00Z",
    "businessDate": "2011-01-04T12:00:00Z",
    "TransactionTime": 36000,
    "Currency": "USD",
    "GrossAmount": -123.45,
    "NetAmount": -110.0,
    "PaymentAmount": 123.45,
    "SaleIsReturnSale": "No",
    "IsTaxIncludedInPrice": "No",
}
_LINE: dict[str, object] = {
    "ItemId": "20117",
    "Quantity": -6,
    "Unit": "EA",
    "Price": 2.55,
    "NetAmount": -15.3,
    "NetAmountInclusiveTax": -16.83,
    "SalesTaxAmount": -1.53,
    "LineDiscount": 0,
    "TransactionStatus": "None",
    "BusinessDate": "2011-01-04T12:00:00Z",
}
_TAX: dict[str, object] = {
    "TaxCode": "STANDARD",
    "TaxAmount": 1.53,
    "TaxPercentage": 10,
    "IsTaxIncludedInPrice": "No",
}


# Business Central: customers, alone and a hundred to a batch

_BC = "/v2.0/production/api/v2.0"


def _customer(number: str) -> dict[str, object]:
    return {
        "number": f"B{number}",
        "displayName": f"Customer {number}",
        "type": "Company",
        "addressLine1": "1 Quay Street",
        "city": "Atlanta",
        "country": "US",
        "email": f"c{number}@example.com",
        "creditLimit": 1000,
    }


def _one_customer(number: int) -> Sent:
    return _json(f"{_BC}/companies({_COMPANY})/customers", _customer(f"S{number}"))


def _customers(number: int) -> Sent:
    requests = [
        {
            "method": "POST",
            "id": str(each),
            "url": f"companies({_COMPANY})/customers",
            "headers": {"Content-Type": JSON},
            "body": _customer(f"{number}-{each}"),
        }
        for each in range(100)
    ]
    return _json(f"{_BC}/$batch", {"requests": requests}, 100)


# Dataverse: accounts, alone and a thousand at once

_DV = "/api/data/v9.2/accounts"


def _account(number: str) -> dict[str, object]:
    return {
        "name": f"Account {number}",
        "accountnumber": number,
        "emailaddress1": f"a{number}@example.com",
        "address1_city": "Atlanta",
        "creditlimit": 1000,
        "creditonhold": False,
    }


def _accounts(number: int) -> Sent:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    targets = [kind | _account(f"{number}-{each}") for each in range(1000)]
    return _json(f"{_DV}/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets}, 1000)


# Inventory Visibility: changes of stock, alone and in bulks

_IV = "/api/environment/44444444-4444-4444-4444-444444444444/onhand"


def _change(number: str) -> dict[str, object]:
    return {
        "id": number,
        "organizationId": "usrt",
        "productId": "20117",
        "dimensions": {"siteId": "1", "locationId": "11"},
        "quantities": {"pos": {"outbound": 1}},
    }


def _changes(number: int) -> Sent:
    changes = [_change(f"{number}-{each}") for each in range(512)]
    return _json(f"{_IV}/bulk", changes, 512)


# Commerce: whole orders; it has no batch

_CHANNEL = next(iter(CHANNELS.values()))


def _order(number: int) -> Sent:
    line = {"ItemId": PRODUCTS[0].item, "ProductId": PRODUCTS[0].id, "Quantity": 1, "Price": 5.5}
    order = {
        "Id": f"order-{number}",
        "ChannelId": _CHANNEL.id,
        "StoreId": _CHANNEL.store,
        "TerminalId": "T1",
        "CurrencyCode": _CHANNEL.currency,
        "ChannelReferenceId": f"reference-{number}",
        "BeginDateTime": "2026-03-02T10:00:00Z",
        "TotalAmount": 11,
        "AmountPaid": 11,
        "SalesLines": [line | {"LineId": str(each)} for each in range(2)],
        "TenderLines": [{"TenderTypeId": "1", "Amount": 11}],
    }
    return _json("/Commerce/SalesOrders", order)


WORKLOADS = (
    Workload(
        "finance-operations",
        _sale,
        _sales,
        ("RetailTransactions", "RetailTransactionSalesLinesV2", "RetailTransactionTaxLines"),
    ),
    Workload("business-central", _one_customer, _customers, ("customers",)),
    Workload(
        "dataverse", lambda number: _json(_DV, _account(f"s{number}")), _accounts, ("accounts",)
    ),
    Workload(
        "inventory-visibility",
        lambda number: _json(_IV, _change(f"s{number}")),
        _changes,
        (),
        "https://inventoryservice.operations365.dynamics.com",
        {"Api-Version": "1.0"},
    ),
    Workload("commerce", _order, None, (), headers={"OUN": _CHANNEL.operating_unit}),
)
