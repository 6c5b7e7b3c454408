"""The aio SDK driven by JSON lines; a task per request."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from typing import Any

from azure.core.async_paging import AsyncItemPaged
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from tests.contract.servicebus.drivers import python_administration, python_operations  # noqa: F401
from tests.contract.servicebus.drivers.python_driver import Driver
from tests.contract.servicebus.drivers.python_errors import error_of

_LONGEST_LINE = 16 * 1024 * 1024


async def main() -> None:
    driver = Driver(ServiceBusClient, ServiceBusAdministrationClient)
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    async with asyncio.TaskGroup() as requests:
        while line := await lines.readline():
            requests.create_task(_serve(driver, json.loads(line)))


async def _serve(driver: Driver, request: dict[str, Any]) -> None:
    try:
        answer = {"result": await _done(driver, request)}
    except Exception as error:
        answer = {"error": error_of(error)}
    print(json.dumps({"id": request["id"], **answer}), flush=True)


async def _done(driver: Driver, request: dict[str, Any]) -> Any:
    steps = driver.steps(request)
    value: Any = None
    while True:
        try:
            value = steps.send(value)
        except StopIteration as end:
            return end.value
        if isinstance(value, AsyncItemPaged):
            value = [each async for each in value]
        elif inspect.isawaitable(value):
            value = await value


asyncio.run(main())
