"""What an older ledger holds is still there, and means the same, once it is brought up to date."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, insert

import shared.store
from shared.store import Rejection, Store, StoreDay
from shared.store.database import Database

from .conftest import NOW, NewDatabase
from .samples import key, numbered_id

_DAY = {"company": "usrt", "store": "S1", "business_day": date(2026, 3, 1)}
_PLACE = {**_DAY, "terminal": "T1", "sequence": 1}
_MONEY = {"fact_type": "sale", "amount": "1.50", "currency": "USD"}


def _rows(fact_id: object, now: datetime) -> dict[str, dict[str, object]]:
    refused = {"subscription": "sales", "reason": "card-number", "detail": "", "rejected_at": now}
    return {
        "ledger_days": {**_DAY, "version": 1},
        "ledger_facts": {"fact_id": fact_id, **_PLACE, **_MONEY, "seen_at": now},
        "ledger_documents": {
            "fact_id": fact_id, **_PLACE, **_MONEY, "document_key": "key", "posted_at": now
        },
        "ledger_rejections": {"identity": "one", "fact_id": fact_id, **_PLACE, **refused},
    }  # fmt: skip


def _older(connection: Connection) -> None:
    config = Config()
    folder = Path(shared.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, "0003")
    on_sqlite = connection.dialect.name == "sqlite"
    fact_id = numbered_id(1).hex if on_sqlite else numbered_id(1)
    now = NOW.replace(tzinfo=None) if on_sqlite else NOW
    for name, row in _rows(fact_id, now).items():
        connection.execute(insert(Table(name, MetaData(), autoload_with=connection)), row)


async def test_facts_documents_and_rejections_of_one_effect_become_the_ledgers(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    database = Database(url)
    async with database.writing() as connection:
        await connection.run_sync(_older)
    await database.aclose()

    async with await Store.open(url, lambda: NOW) as store:
        [found] = await store.ledger.entries([StoreDay("usrt", "S1", date(2026, 3, 1))])

    [fact], [document], [rejection] = (
        found.entries.facts,
        found.entries.documents,
        found.entries.rejections,
    )
    assert (fact.fact_id, fact.key, fact.tenders, fact.what) == (numbered_id(1), key(1), None, "")
    assert (document.fact_id, document.key, document.effect) == (numbered_id(1), key(1), "ledger")
    assert rejection == Rejection(
        "one", numbered_id(1), key(1), "sales", "card-number", "", NOW, "ledger", ""
    )
