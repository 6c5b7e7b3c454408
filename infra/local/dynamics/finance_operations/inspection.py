"""Pages below `/_simulator` that show what was booked. They are ours, Dynamics has none of them.

Amounts are summed by SQLite as whole millionths, so the sums are exact; the signs are the sender's.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.odata.entities import Scalar
from infra.local.dynamics.odata.query import column
from infra.local.dynamics.odata.store import EntityStore
from infra.local.dynamics.problems import Problem

from .entity_sets import RETAIL_SETS, RETAIL_TRANSACTIONS

_AMOUNTS = ("GrossAmount", "NetAmount", "PaymentAmount")
_MAX_PAGE = 10_000
_NOTHING: Sequence[Scalar] = ()


def inspection_routes(store: EntityStore) -> list[BaseRoute]:
    return [
        Route("/_simulator/transactions", partial(_summary, store), methods=["GET"]),
        Route("/_simulator/transactions/list", partial(_listing, store), methods=["GET"]),
    ]


def _field(name: str) -> str:
    return column(RETAIL_TRANSACTIONS, name)


def _company(request: Request) -> tuple[str, Sequence[Scalar]]:
    company = request.query_params.get("company")
    return ("1", _NOTHING) if company is None else (f"{_field('dataAreaId')}=?", (company,))


def _exact(millionths: Scalar | None) -> str:
    return str((Decimal(millionths or 0) / 1_000_000).normalize() + 0).replace("E+0", "")


async def _summary(store: EntityStore, request: Request) -> Response:
    """`{count, distinct_channel_references, rows{set}, by_currency[], by_store_day[]}`."""
    where, values = _company(request)
    references = store.read(
        f"SELECT count(*), count(DISTINCT {_field('ChannelReferenceId')}) "
        f'FROM "{RETAIL_TRANSACTIONS.name}" WHERE {where}',
        values,
    )[0]
    rows = {each.name: store.count(each, where, values) for each in RETAIL_SETS}
    return JSONResponse(
        {
            "count": references[0],
            "distinct_channel_references": references[1],
            "rows": rows,
            "by_currency": _sums(store, {"company": "dataAreaId"}, where, values),
            "by_store_day": _sums(
                store,
                {"company": "dataAreaId", "store": "OperatingUnitNumber", "day": "businessDate"},
                where,
                values,
            ),
        }
    )


def _sums(
    store: EntityStore, groups: dict[str, str], where: str, values: Sequence[Scalar]
) -> list[dict[str, object]]:
    grouped = [_field(name) for name in groups.values()] + [_field("Currency")]
    returns = f"sum({_field('SaleIsReturnSale')} = 'Yes')"
    sums = [f"sum(CAST(round({_field(name)} * 1000000) AS INTEGER))" for name in _AMOUNTS]
    places = ", ".join(str(place + 1) for place in range(len(grouped)))
    found = store.read(
        f"SELECT {', '.join([*grouped, 'count(*)', returns, *sums])} "
        f'FROM "{RETAIL_TRANSACTIONS.name}" WHERE {where} GROUP BY {places} ORDER BY {places}',
        values,
    )
    names = [*groups, "currency", "count", "returns"]
    return [_group(names, row) for row in found]


def _group(names: Sequence[str], row: Sequence[Scalar]) -> dict[str, object]:
    group: dict[str, object] = dict(zip(names, row, strict=False))
    if "day" in group:
        group["day"] = str(group["day"])[:10]
    return group | dict(zip(_AMOUNTS, map(_exact, row[len(names) :]), strict=True))


async def _listing(store: EntityStore, request: Request) -> Response:
    """Every booked header, in order of booking: `{count, value[], next}`; next may be null."""
    where, values = _company(request)
    try:
        skip = int(request.query_params.get("skip", "0"))
        top = int(request.query_params.get("top", "1000"))
    except ValueError as error:
        raise Problem(400, "skip and top must be whole numbers") from error
    if skip < 0 or not 1 <= top <= _MAX_PAGE:
        raise Problem(400, f"skip must not be negative, top must be 1 to {_MAX_PAGE}")
    count = store.count(RETAIL_TRANSACTIONS, where, values)
    rows = store.select(RETAIL_TRANSACTIONS, where, "", top, skip, values)
    following = skip + top
    return JSONResponse(
        {
            "count": count,
            "value": [row.values() for row in rows],
            "next": following if following < count else None,
        }
    )
