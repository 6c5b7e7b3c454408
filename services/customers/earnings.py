"""Earnings as they are kept: records that name no person; whose they are is in the archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.customers.earning import EARNINGS, Earning, Sale
from shared.events import InvalidEvent, SaleCompleted, SaleReturned, decode
from shared.store.archive import Archive, ArchivedFact
from shared.store.records import Record


async def cards_of(earnings: Mapping[str, Earning], archive: Archive) -> dict[str, str]:
    """Return the card of each earning by the sale's key: absent while the sale is not archived,
    empty once its customer has been erased."""
    ids = {key: UUID(each.fact_id) for key, each in earnings.items()}
    archived = await archive.read(ids.values()) if ids else {}
    sales = {key: archived_sale(archived[each]) for key, each in ids.items() if each in archived}
    return {key: (sale.loyalty_card or "") if sale else "" for key, sale in sales.items()}


def archived_sale(archived: ArchivedFact) -> Sale | None:
    """Return the sale or return that an archived fact is."""
    try:
        fact = decode(archived.body).data
    except InvalidEvent:
        return None
    return fact if isinstance(fact, SaleCompleted | SaleReturned) else None


def changed_records(
    earnings: Mapping[str, Earning], stored: Mapping[str, Record], now: datetime
) -> list[Record]:
    """Return what is to be written of these earnings, where it is not what is stored."""
    records = []
    for key, earned in earnings.items():
        there, text = stored.get(key), earned.model_dump_json(exclude_defaults=True)
        if there is None or there.text != text:
            version = there.version + 1 if there else 1
            records.append(Record(EARNINGS, key, version, "", text, now))
    return records
