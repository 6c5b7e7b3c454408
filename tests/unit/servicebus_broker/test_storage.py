"""What a restart finds again, and what storage says when it cannot."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.local.servicebus.amqp.values import Symbol, Timestamp, UInt
from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.filters import CorrelationFilterConfig
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)
from infra.local.servicebus.storage import MemoryStorage, SqliteStorage, Storage, StorageError
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    dead_letters,
    message,
    names,
    queue_of,
    reason_of,
    sql_rule,
    subscription_of,
)

CONFIG = NamespaceConfig(
    queues=(QueueConfig("q", requires_duplicate_detection=True, max_delivery_count=3),),
    topics=(
        TopicConfig("t", subscriptions=(SubscriptionConfig("one"), SubscriptionConfig("two"))),
    ),
)


def opened(storage: Storage, config: NamespaceConfig = CONFIG) -> Namespace:
    namespace = Namespace(config)
    namespace.restore(storage.load())
    return namespace


async def restarted(
    namespace: Namespace, storage: Storage, path: Path, config: NamespaceConfig = CONFIG
) -> tuple[Namespace, SqliteStorage]:
    await storage.commit(namespace.take_changes())
    await storage.aclose()
    again = SqliteStorage(path)
    return opened(again, config), again


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "messages.db"


async def test_a_restart_finds_everything_in_its_state(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    queue = queue_of(namespace, "q")
    namespace.send("q", [message(name, ttl=9 * MINUTE) for name in "abcdef"], 0)
    (scheduled,) = namespace.schedule("q", [message("late", at=5 * MINUTE)], 0)
    done, failed, deferred, dead, locked = queue.receive(5, 0)
    queue.complete(done.lock_token, 0)
    queue.abandon(failed.lock_token, 0, {"tried": UInt(1)})
    queue.defer(deferred.lock_token, 0)
    queue.dead_letter(dead.lock_token, 0, "why", "because")

    namespace, storage = await restarted(namespace, storage, path)

    queue = queue_of(namespace, "q")
    assert names(queue.peek(0, 10, 0)) == ["b", "c", "e", "f", "late"]
    received = queue.receive(10, 0)
    assert names(received) == ["b", "e", "f"]
    assert [each.message.delivery_count for each in received] == [1, 0, 0]
    assert received[0].message.application_properties == {"tried": 1}
    assert received[0].message.expires_at == 9 * MINUTE
    assert names(queue.receive_deferred([3], 0)) == ["c"]
    assert reason_of(dead_letters(queue)[0]) == ("why", "because")
    namespace.send("q", [message("a"), message("new")], MINUTE)
    assert names(queue.peek(scheduled + 1, 10, MINUTE)) == ["new"], "a is still a duplicate"
    namespace.cancel_scheduled("q", [scheduled], MINUTE)
    assert locked.lock_token not in {each.lock_token for each in received}
    await storage.aclose()


async def test_numbers_go_on_after_a_restart_even_when_nothing_is_left(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    namespace.send("q", [message("a"), message("b")], 0)
    queue_of(namespace, "q").receive(2, 0, settle_on_delivery=True)
    namespace.send("t", [message("c")], 0)

    namespace, storage = await restarted(namespace, storage, path)
    namespace.send("q", [message("d")], 0)
    namespace.send("t", [message("e")], 0)

    assert queue_of(namespace, "q").peek(0, 1, 0)[0].sequence_number == 3
    copies = queue_of(namespace, "t/subscriptions/one").peek(0, 9, 0)
    assert [copy.enqueued_sequence_number for copy in copies] == [1, 2]
    await storage.aclose()


async def test_copies_of_one_message_share_its_bytes_also_after_a_restart(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    namespace.send("t", [message("a")], 0)
    namespace, storage = await restarted(namespace, storage, path)
    one, two = (queue_of(namespace, f"t/subscriptions/{name}") for name in ("one", "two"))
    assert one.peek(0, 1, 0)[0].stored is two.peek(0, 1, 0)[0].stored

    one.receive(1, 0, settle_on_delivery=True)
    namespace, storage = await restarted(namespace, storage, path)

    two = queue_of(namespace, "t/subscriptions/two")
    assert names(two.receive(1, 0, settle_on_delivery=True)) == ["a"]
    await storage.commit(namespace.take_changes())
    left = {type(change).__name__ for change in storage.load()}
    assert left == {"EntityPut", "SequenceReached"}
    await storage.aclose()


async def test_rules_changed_at_run_time_are_found_again(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    subscription = subscription_of(namespace, "t/subscriptions/one")
    added = [
        sql_rule("red", "colour = 'red'", "SET a = 1"),
        RuleConfig("kept", CorrelationFilterConfig({"subject": "x"}, {"n": UInt(3)})),
    ]
    subscription.remove_rule("$Default")
    for rule in added:
        subscription.add_rule(rule)

    namespace, storage = await restarted(namespace, storage, path)

    assert subscription_of(namespace, "t/subscriptions/one").rules() == added
    await storage.aclose()


@pytest.mark.parametrize(
    "value",
    [None, True, 7, UInt(7), 1.5, "text", Symbol("symbol"), b"bytes", UUID(int=7), Timestamp(7)],
)
async def test_property_values_keep_their_amqp_type(path: Path, value: Any) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue_of(namespace, "q").receive(1, 0)
    queue_of(namespace, "q").abandon(delivery.lock_token, 0, {"value": value})

    namespace, storage = await restarted(namespace, storage, path)

    (held,) = queue_of(namespace, "q").peek(0, 1, 0)
    assert held.application_properties is not None
    kept = held.application_properties["value"]
    assert (type(kept), kept) == (type(value), value)
    await storage.aclose()


async def test_messages_of_an_entity_that_is_not_configured_now_wait_for_its_return(
    path: Path,
) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    namespace.send("t", [message("a")], 0)
    only_one = NamespaceConfig(
        topics=(TopicConfig("t", subscriptions=(SubscriptionConfig("one"),)),)
    )

    namespace, storage = await restarted(namespace, storage, path, only_one)
    assert namespace.orphans == {"t/Subscriptions/two": 1}
    queue_of(namespace, "t/subscriptions/one").receive(1, 0, settle_on_delivery=True)
    namespace, storage = await restarted(namespace, storage, path)

    assert namespace.orphans == {}
    assert names(queue_of(namespace, "t/subscriptions/two").receive(9, 0)) == ["a"]
    await storage.aclose()


async def test_many_commits_at_once_share_transactions(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    statements: list[str] = []
    storage._connection.set_trace_callback(statements.append)

    async def send(name: str) -> None:
        namespace.send("q", [message(name)], 0)
        await storage.commit(namespace.take_changes())

    await asyncio.gather(*(send(f"m{number}") for number in range(200)))

    assert statements.count("COMMIT") < 50
    namespace, storage = await restarted(namespace, storage, path)
    assert len(queue_of(namespace, "q").peek(0, 999, 0)) == 200
    await storage.aclose()


async def test_a_commit_of_nothing_waits_for_the_commits_before_it(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    namespace.send("q", [message("a")], 0)
    first = asyncio.ensure_future(storage.commit(namespace.take_changes()))
    namespace.send("q", [message("a")], 0)
    await asyncio.sleep(0)  # let the first be handed over; the second is a dropped duplicate

    await storage.commit(namespace.take_changes())

    assert len(list(storage.load())) > 1
    await first
    await storage.aclose()


async def test_a_closed_store_takes_nothing_more(path: Path) -> None:
    storage = SqliteStorage(path)
    await storage.aclose()
    await storage.aclose()

    with pytest.raises(StorageError, match="closed"):
        await storage.commit([])


async def test_memory_storage_begins_empty() -> None:
    storage = MemoryStorage()
    namespace = opened(storage)
    namespace.send("q", [message("a")], 0)
    await storage.commit(namespace.take_changes())

    assert list(storage.load()) == []
    await storage.aclose()


def test_a_file_that_is_no_store_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"these are my holiday pictures" * 100)
    before = path.read_bytes()

    with pytest.raises(StorageError, match=rf"{path}.*not a database"):
        SqliteStorage(path)

    assert path.read_bytes() == before


def damage(path: Path) -> None:
    """Overwrite all but the first and the last page."""
    data = bytearray(path.read_bytes())
    data[4096:-4096] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(data)


async def test_a_damaged_store_is_refused_with_its_name(path: Path) -> None:
    storage = SqliteStorage(path)
    namespace = opened(storage)
    namespace.send("q", [message(f"m{number}") for number in range(500)], 0)
    await storage.commit(namespace.take_changes())
    await storage.aclose()
    damage(path)

    with pytest.raises(StorageError, match=rf"{path}.*malformed"):
        opened(SqliteStorage(path))


async def test_a_store_in_use_is_refused(path: Path) -> None:
    storage = SqliteStorage(path)

    with pytest.raises(StorageError, match="locked"):
        SqliteStorage(path)

    await storage.aclose()


_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from infra.local.servicebus.storage import SqliteStorage, StorageError
from tests.unit.servicebus_broker.helpers import message
from tests.unit.servicebus_broker.test_storage import opened

async def main(path):
    storage = SqliteStorage(path)
    namespace = opened(storage)
    async def send(name):
        namespace.send("q", [message(name, properties={"filling": "x" * 20_000})], 0)
        await storage.commit(namespace.take_changes())
    await send("acknowledged")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, most))
    try:
        await send("refused")
    except StorageError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    await send("after")
    await storage.aclose()

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_full_disk_is_an_error_with_its_cause_and_costs_nothing_once_there_is_room(
    path: Path,
) -> None:
    """A file size limit stands in for the full disk: SQLite sees the same failed write."""
    root = Path(__file__).resolve().parents[3]

    ended = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )

    assert ended.returncode == 0, ended.stderr
    assert f"Cannot write the message store {path}: " in ended.stdout
    storage = SqliteStorage(path)
    found = names(queue_of(opened(storage), "q").peek(0, 9, 0))
    asyncio.run(storage.aclose())
    assert found == ["acknowledged", "refused", "after"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2_000
