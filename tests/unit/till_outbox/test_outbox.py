"""What a till may rely on once `put` has returned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.outbox import Outbox, OutboxDamaged, OutboxFull
from infra.local.till.outbox.box import REMEMBERED
from shared.events import Fact

KEY = Outbox.new_key()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACTS: list[Fact] = list(TradingDay(7, STORES[:1], transactions_per_store=30))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Iterator[Outbox]:
    with Outbox.open(tmp_path / "outbox.db", KEY, clock=clock) as opened:
        yield opened


def waiting(outbox: Outbox) -> list[Fact]:
    return [each.event.data for each in outbox.waiting(1_000)]


def test_what_is_put_waits_in_the_order_in_which_it_happened(outbox: Outbox) -> None:
    for fact in FACTS:
        outbox.put(fact)

    assert waiting(outbox) == FACTS


def test_a_fact_put_twice_waits_once_and_is_not_sent_again(outbox: Outbox) -> None:
    outbox.put(*FACTS[:3])
    outbox.put(FACTS[1])
    outbox.confirmed(each.number for each in outbox.waiting(2))

    outbox.put(*FACTS[:3])

    assert waiting(outbox) == [FACTS[2]]


def test_sent_ids_are_forgotten_in_the_end(outbox: Outbox, clock: Clock) -> None:
    outbox.put(FACTS[0])
    outbox.confirmed(each.number for each in outbox.waiting(1))
    clock.now += REMEMBERED + timedelta(seconds=1)
    outbox.put(FACTS[1])
    outbox.confirmed(each.number for each in outbox.waiting(1))

    outbox.put(FACTS[0])

    assert waiting(outbox) == [FACTS[0]]


def test_a_fact_keeps_the_moment_at_which_it_was_put_and_a_trace_of_its_own(
    outbox: Outbox, clock: Clock
) -> None:
    outbox.put(FACTS[0])
    clock.now += timedelta(hours=3)

    (first,) = outbox.waiting(1)

    assert first.event.time == NOW
    assert first.event.id == FACTS[0].event_id


def test_nobody_without_the_key_reads_what_was_sold(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with Outbox.open(path, KEY) as outbox:
        outbox.put(*FACTS)
        written = b"".join(each.read_bytes() for each in tmp_path.iterdir())

    assert b"LONDON" not in written
    assert b"cashier" not in written
    with Outbox.open(path, Outbox.new_key()) as stranger, pytest.raises(OutboxDamaged):
        stranger.waiting(1)


def test_a_new_key_still_opens_what_was_put_under_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with Outbox.open(path, KEY) as outbox:
        outbox.put(FACTS[0])

    with Outbox.open(path, Outbox.new_key(), old_keys=[KEY]) as outbox:
        outbox.put(FACTS[1])

        assert waiting(outbox) == FACTS[:2]


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with Outbox.open(path, KEY) as outbox:
        outbox.put(FACTS[0])
    content = bytearray(path.read_bytes())
    where = content.index(b"gAAAA") + 40
    content[where] ^= 1
    path.write_bytes(bytes(content))

    with Outbox.open(path, KEY) as outbox, pytest.raises(OutboxDamaged):
        outbox.waiting(1)


def test_a_file_that_is_no_outbox_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"something else" * 100)

    with pytest.raises(OutboxDamaged, match=r"outbox\.db"):
        Outbox.open(path, KEY)


def test_a_full_outbox_refuses_the_next_fact_and_keeps_the_others(tmp_path: Path) -> None:
    with Outbox.open(tmp_path / "outbox.db", KEY, most=2) as outbox:
        outbox.put(*FACTS[:2])

        with pytest.raises(OutboxFull, match="at most 2"):
            outbox.put(FACTS[2])

        assert waiting(outbox) == FACTS[:2]


def test_a_full_disk_is_told_and_loses_nothing_that_was_put(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", _FILL_THE_DISK, str(tmp_path / "outbox.db"), KEY.decode()],
        capture_output=True,
        text=True,
        check=False,
    )
    put = int(outcome.stdout)

    with Outbox.open(tmp_path / "outbox.db", KEY) as outbox:
        assert put > 0
        assert len(outbox.waiting(1_000)) == put


def test_what_was_put_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _PUT_FOR_EVER, str(path), KEY.decode()],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    told += process.stdout.read().split()
    process.wait()

    with Outbox.open(path, KEY) as outbox:
        kept = [str(each.event.id) for each in outbox.waiting(1_000)]
    whole = [line for line in told if len(line) == 36]
    assert kept[: len(whole)] == whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["put", "sent", "reopen"]), st.integers(0, 30))))
def test_an_outbox_is_a_queue_that_takes_every_fact_once(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("outbox") / "outbox.db"
    outbox, queue, seen = Outbox.open(path, KEY), list[Fact](), set[int]()
    for step, number in steps:
        if step == "put":
            outbox.put(FACTS[number])
            queue += [] if number in seen else [FACTS[number]]
            seen.add(number)
        elif step == "sent":
            outbox.confirmed(each.number for each in outbox.waiting(number))
            del queue[:number]
        else:
            outbox.close()
            outbox = Outbox.open(path, KEY)

        assert waiting(outbox) == queue
        assert outbox.status().waiting == len(queue)
    outbox.close()


_BEGIN = """
import sys, resource
from pathlib import Path
from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.outbox import Outbox, OutboxFull
facts = TradingDay(11, STORES[:1], transactions_per_store=500)
outbox = Outbox.open(Path(sys.argv[1]), sys.argv[2].encode())
"""
_PUT_FOR_EVER = (
    _BEGIN
    + """
for fact in facts:
    print(*outbox.put(fact), flush=True)
"""
)
_FILL_THE_DISK = (
    _BEGIN
    + """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
put = 0
try:
    for fact in facts:
        outbox.put(fact)
        put += 1
except OutboxFull:
    print(put)
"""
)
