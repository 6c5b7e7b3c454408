"""What end-to-end tests ask of a running platform: publish, wait for a condition, look."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from infra.local.cli.certificates import fetch_certificates
from infra.local.cli.dead_letters import DeadLetter, dead_letters
from infra.local.platform import Platform
from shared.bus import Publisher
from shared.clock import utc_now
from shared.events import Fact, SaleCompleted, SaleReturned, new_event
from tests.commands import start_tillbus

PATIENCE_SECONDS = 150
"""Most takes seconds, some a timer of one minute; the machine may have much else to do."""

POLL_SECONDS = 0.1


class Chain:
    """A running platform; `transactions` and `certificates` look at its two ends."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.addresses = platform.addresses
        self.http = httpx.AsyncClient(timeout=PATIENCE_SECONDS)
        self._bus = ServiceBusClient.from_connection_string(
            self.addresses.servicebus_connection_string
        )
        self._publisher = Publisher(self._bus, clock=utc_now)
        self._senders: dict[str, ServiceBusSender] = {}

    async def __aenter__(self) -> Chain:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._publisher.aclose()
        await self.http.aclose()

    async def publish(self, *facts: Fact) -> None:
        """Publish facts as a till would."""
        now = datetime.now(UTC)
        await self._publisher.publish(
            [new_event(fact, source="/tests/till", time=now) for fact in facts]
        )

    async def send_raw(self, topic: str, *messages: ServiceBusMessage) -> None:
        """Send messages as a till that knows no contract would."""
        if topic not in self._senders:
            self._senders[topic] = self._bus.get_topic_sender(topic)
        await self._senders[topic].send_messages(list(messages))

    async def tillbus(self, *arguments: str) -> Any:
        """Run a command of the command line as a user would; return its JSON document."""
        _, document = await self.answered(*arguments)
        return document

    async def answered(self, *arguments: str) -> tuple[int, Any]:
        """Run such a command; return its exit code and its JSON document."""
        process = await self.start_tillbus(*arguments, "--json")
        printed, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, json.loads(printed)

    async def exit_code(self, *arguments: str) -> int:
        """Run such a command for what it does; return its exit code."""
        process = await self.start_tillbus(*arguments)
        await process.communicate()
        assert process.returncode is not None
        return process.returncode

    async def start_tillbus(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start such a command; it says what is wrong on stderr."""
        return await start_tillbus(*arguments, "--data", str(self.platform.data))

    async def inject(self, **fault: Any) -> None:
        """Script one fault of the Dynamics simulator."""
        answer = await self.http.post(f"{self.addresses.dynamics}/_simulator/faults", json=fault)
        answer.raise_for_status()

    async def clear_faults(self) -> None:
        """Let Dynamics behave again."""
        await self.http.delete(f"{self.addresses.dynamics}/_simulator/faults")

    async def booked(self, *sales: SaleCompleted | SaleReturned) -> list[dict[str, Any]]:
        """Return the transactions in Dynamics whose channel reference is one of the facts."""
        wanted = {str(sale.event_id) for sale in sales}
        return [row for row in await self.transactions() if row["ChannelReferenceId"] in wanted]

    async def transactions(self) -> list[dict[str, Any]]:
        """Return the headers of every retail transaction in Dynamics."""
        rows: list[dict[str, Any]] = []
        skip: int | None = 0
        while skip is not None:
            page = await self.simulator(f"transactions/list?skip={skip}")
            rows += page["value"]
            skip = page["next"]
        return rows

    async def simulator(self, page: str) -> dict[str, Any]:
        """Return one of the simulator's own pages."""
        answer = await self.http.get(f"{self.addresses.dynamics}/_simulator/{page}")
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    async def certificate(self, sale: SaleCompleted | SaleReturned) -> dict[str, Any] | None:
        """Return the certificate of a sale's store-day; None before anything of it was seen."""
        key = sale.key
        answer = await self.http.get(
            f"{self.addresses.functions}/api/certificates/{key.company}/{key.store}/{key.business_day}"
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    async def certificates(self) -> list[dict[str, Any]]:
        """Return every certificate."""
        document = await fetch_certificates(self.addresses, None, None, None)
        certificates: list[dict[str, Any]] = document["certificates"]
        return certificates

    async def idle(self) -> bool:
        """Return whether no message is waiting, scheduled or being handled anywhere."""
        answer = await self.http.get(f"{self.addresses.bus_admin}/inspect")
        entities = answer.raise_for_status().json()["entities"]
        return not any(
            each.get(state)
            for name, each in entities.items()
            if "$DeadLetterQueue" not in name
            for state in ("active", "locked", "scheduled")
        )

    async def dead_letters(self, subscription: str) -> Sequence[DeadLetter]:
        """Return the dead letters of one subscription."""
        return await dead_letters(self.addresses, subscription=subscription)


async def eventually(
    condition: Callable[[], Awaitable[Any]],
    patience: float = PATIENCE_SECONDS,
    poll: float = POLL_SECONDS,
) -> Any:
    """Return the condition's value as soon as it is true; fail with its last value otherwise."""
    end = time.monotonic() + patience
    while not (value := await condition()):
        assert time.monotonic() < end, f"still {value!r} after {patience} s"
        await asyncio.sleep(poll)
    return value


async def becomes(
    read: Callable[[], Awaitable[Any]], wanted: Any, patience: float = PATIENCE_SECONDS
) -> None:
    """Wait until what is read is what is wanted, and show it if it is not in the end."""

    async def reached() -> bool:
        return bool(await read() == wanted)

    with contextlib.suppress(AssertionError):
        await eventually(reached, patience)
    assert await read() == wanted
