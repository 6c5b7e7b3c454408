"""Questions that are asked all the time are answered from an index, however much is stored."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from shared.store import Store

from .samples import numbered_id, result
from .states import MORNING, archived, parked, record

AMOUNT = 3_000

QUESTIONS = {
    "records by prefix": lambda store: store.records.find("thing", prefix="000012"),
    "records by state and prefix": lambda store: store.records.find(
        "thing", state="open", prefix="0000", after="000012"
    ),
    "parked facts that are due": lambda store: store.parking.due(MORNING, 10, lost=MORNING),
    "facts about a person": lambda store: store.archive.about("gbrt/C-17"),
    "the end of an audit chain": lambda store: store.audit.read("ledger", after=AMOUNT - 5),
    "results in the inbox": lambda store: store.inbox("ledger").results([numbered_id(17)]),
}


@pytest.fixture
async def filled(store: Store) -> Store:
    numbers = range(1, AMOUNT + 1)
    await store.inbox("ledger").record([result(number) for number in numbers])
    await store.records.write(
        [record(f"{number:06}", state="open" if number % 50 == 0 else "done") for number in numbers]
    )
    await store.parking.park([parked(n, f"item/gbrt/{n}", minute=0) for n in numbers])
    await store.archive.keep([archived(n, f"gbrt/C-{n % 700}") for n in numbers])
    async with store._database.writing() as connection:
        await connection.execute(text("ANALYZE"))
    return store


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_question_reads_a_whole_table(filled: Store, question: str) -> None:
    asked: list[tuple[str, object]] = []
    engine = filled._database.engine.sync_engine

    def note(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    await QUESTIONS[question](filled)
    event.remove(engine, "before_cursor_execute", note)

    for statement, parameters in asked:
        plan = await _plan(filled, statement, parameters)
        assert "Seq Scan" not in plan, plan
        assert not [line for line in plan.splitlines() if line.startswith("SCAN")], plan


async def _plan(store: Store, statement: str, parameters: object) -> str:
    explain = "EXPLAIN QUERY PLAN" if store._database.engine.name == "sqlite" else "EXPLAIN"
    async with store._database.reading() as connection:
        rows = await connection.exec_driver_sql(f"{explain} {statement}", parameters)  # type: ignore[arg-type]
        return "\n".join(str(row[-1]) for row in rows)
