"""A store that cannot be served: one sentence, exit code 1, and the file as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import encode_message
from tests.integration.servicebus_durability.program import (
    CONFIG,
    STORE,
    refused,
    running,
    waiting,
)

PAGE = 4096


async def stored(folder: Path, *names: str) -> Path:
    """Have a store with these messages, ended in order; return its file."""
    async with LocalServiceBus(CONFIG, data=folder) as bus:
        messages = [encode_message(data=name.encode() + b"." * 5000) for name in names]
        bus.namespace.send("q", messages, 0)
        await bus.advance()
    return folder / STORE


def overwrite(start: int, end: int) -> Callable[[bytearray], None]:
    def damage(data: bytearray) -> None:
        data[start:end] = b"\xa5" * (end - start)

    return damage


def cut_in_half(data: bytearray) -> None:
    del data[len(data) // 2 :]


def newer(data: bytearray) -> None:
    data[60:64] = (999).to_bytes(4)  # user_version (SQLite: database file format, 1.3)


def foreign(data: bytearray) -> None:
    data[68:72] = (1).to_bytes(4)  # application_id


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (overwrite(0, 20), "restore it from a backup"),
        (overwrite(PAGE, 6 * PAGE), "restore it from a backup"),
        (cut_in_half, "restore it from a backup"),
        (newer, "layout 999"),
        (foreign, "database of something else"),
    ],
    ids=["header", "pages", "cut", "newer layout", "foreign"],
)
async def test_a_store_that_cannot_be_read_is_named_and_left_alone(
    tmp_path: Path, damage: Callable[[bytearray], None], told: str
) -> None:
    file = await stored(tmp_path, *"abcd")
    data = bytearray(file.read_bytes())
    damage(data)
    file.write_bytes(data)

    code, said = await refused(tmp_path)

    assert code == 1
    assert str(file) in said
    assert told in said
    assert len(said.splitlines()) == 1
    assert file.read_bytes() == data


async def test_a_message_without_its_content_is_damage(tmp_path: Path) -> None:
    file = await stored(tmp_path, "a", "b")
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM payload WHERE number = 1")
    connection.close()

    code, said = await refused(tmp_path)

    assert code == 1
    assert "content is missing" in said
    assert "restore it from a backup" in said


async def test_a_second_process_is_told_that_the_store_is_in_use(tmp_path: Path) -> None:
    async with running(tmp_path) as bus, bus.client() as client:
        code, said = await refused(tmp_path)
        async with client.get_queue_sender("q") as sender:
            await sender.send_messages(ServiceBusMessage("still served"))

        assert await waiting(client) == ["still served"]
    assert code == 1
    assert "Another process has it open" in said


async def test_a_log_cut_short_loses_only_what_was_cut(tmp_path: Path) -> None:
    async with running(tmp_path) as bus:
        async with bus.client() as client, client.get_queue_sender("q") as sender:
            for name in "abcd":
                await sender.send_messages(ServiceBusMessage(name + "." * 5000))
        await bus.kill()
    log = tmp_path / f"{STORE}-wal"
    log.write_bytes(log.read_bytes()[:-3000])

    async with running(tmp_path) as bus, bus.client() as client:
        assert [name[0] for name in await waiting(client)] == [*"abc"]
