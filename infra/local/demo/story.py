"""The day scene by scene: what happens to the tills, the bus and Dynamics, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from azure.servicebus.aio import ServiceBusClient

from infra.local.demo.books import compare_books
from infra.local.demo.day import DemoDay
from infra.local.platform import Addresses
from infra.local.till.publish import publish
from shared.bus import Publisher
from shared.events import SaleCompleted

PATIENCE_SECONDS = 60
"""How long the certificates may stand still once the stores have closed. A busy machine takes
longer than that to book the rest of the day, and its books are none the worse for it."""

OUTAGE_SECONDS = 4
POLL_SECONDS = 0.25

Tell = Callable[[str], None]
Certificates = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Ending:
    """What the day came to; `differences` is empty when the books balance."""

    certificates: Certificates
    differences: Sequence[str]
    ledger: Mapping[str, Any]
    requests: Mapping[str, int]


class Story:
    """Plays a day on a running platform."""

    def __init__(
        self,
        addresses: Addresses,
        day: DemoDay,
        publisher: Publisher,
        certificates: Callable[[], Awaitable[Certificates]],
        tell: Tell,
    ) -> None:
        self._addresses = addresses
        self._day = day
        self._publisher = publisher
        self._certificates = certificates
        self._tell = tell
        self._http = httpx.AsyncClient(base_url=addresses.dynamics, timeout=30)

    async def play(self) -> Ending:
        """Play every scene, then wait until every store-day balances or patience ends."""
        async with self._http:
            for scene in (
                self._morning,
                self._throttled_noon,
                self._broken_afternoon,
                self._poison,
                self._evening,
            ):
                await scene()
            return await self._ending()

    async def _morning(self) -> None:
        self._tell(f"morning: {len(self._day.morning)} sales and returns of seven stores")
        await publish(self._day.morning, self._publisher)
        self._tell("          a nervous till publishes its whole morning a second time")
        await publish(self._day.morning, self._publisher)

    async def _throttled_noon(self) -> None:
        self._tell(
            f"noon:    {len(self._day.noon)} more, while Dynamics throttles: 429, Retry-After 1 s"
        )
        await self._inject(kind="throttle", count=4, retry_after=1, path=r"\$batch")
        await publish(self._day.noon, self._publisher)

    async def _broken_afternoon(self) -> None:
        self._tell(
            f"afternoon: {len(self._day.afternoon)} more; connections break after Dynamics has"
            " booked, rows deadlock, then Dynamics is down"
        )
        await self._inject(kind="drop-after-commit", count=2, path=r"\$batch")
        await self._inject(kind="deadlock", count=3)
        half = len(self._day.afternoon) // 2
        await publish(self._day.afternoon[:half], self._publisher)
        await asyncio.sleep(1)
        await self._inject(kind="outage", count=None, retry_after=1, path="/data")
        await publish(self._day.afternoon[half:], self._publisher)
        await asyncio.sleep(OUTAGE_SECONDS)
        await self._http.delete("/_simulator/faults")
        self._tell(f"          Dynamics is back after {OUTAGE_SECONDS} s")

    async def _poison(self) -> None:
        self._tell(
            "a faulty till release sends wrong sums, a card number, broken JSON, a stranger's sale"
        )
        client = ServiceBusClient.from_connection_string(
            self._addresses.servicebus_connection_string
        )
        async with client, client.get_topic_sender(SaleCompleted.TOPIC) as sender:
            await sender.send_messages([poison.message() for poison in self._day.poison])

    async def _evening(self) -> None:
        self._tell(f"evening: {len(self._day.evening)} more, the wrong one of them corrected")
        await publish(self._day.evening, self._publisher)
        self._tell(
            f"          a till that was offline uploads its day: {len(self._day.offline)} sales"
        )
        await publish(self._day.offline, self._publisher)
        self._tell(f"          {len(self._day.closes)} stores close their day")
        await publish(self._day.closes, self._publisher)

    async def _ending(self) -> Ending:
        async def ours() -> Certificates:
            return self._ours(await self._certificates())

        certificates = await last_certificates(ours, len(self._day.closes), self._tell)
        ledger = (await self._http.get("/_simulator/transactions")).raise_for_status().json()
        requests = (await self._http.get("/_simulator/requests")).raise_for_status().json()
        return Ending(certificates, compare_books(self._day.transactions, ledger), ledger, requests)

    def _ours(self, certificates: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Leave out the store-day of the company nobody knows: no store of ours will close it."""
        ours = {close.company for close in self._day.closes}
        return [each for each in certificates if each["company"] in ours]

    async def _inject(self, **fault: object) -> None:
        (await self._http.post("/_simulator/faults", json=fault)).raise_for_status()


async def last_certificates(
    fetch: Callable[[], Awaitable[Certificates]],
    days: int,
    tell: Tell,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Certificates:
    """Return the certificates once that many balance, or once none has changed for too long."""
    latest: Certificates | None = None
    changed_at = monotonic()
    while True:
        certificates = await fetch()
        if sum(each["verdict"] == "balanced" for each in certificates) == days:
            return certificates
        if certificates != latest:
            latest, changed_at = certificates, monotonic()
        elif monotonic() - changed_at > PATIENCE_SECONDS:
            tell(f"          nothing has changed for {PATIENCE_SECONDS} s")
            return certificates
        await sleep(POLL_SECONDS)
