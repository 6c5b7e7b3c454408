"""The sync SDK of whichever version is installed, driven by JSON lines; a thread per request."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.paging import ItemPaged
from azure.servicebus import ServiceBusClient
from azure.servicebus._pyamqp.sasl import SASLWithWebSocket
from azure.servicebus.management import ServiceBusAdministrationClient
from websocket import WebSocket

from tests.contract.servicebus.drivers import python_administration, python_operations  # noqa: F401
from tests.contract.servicebus.drivers.python_driver import Driver
from tests.contract.servicebus.drivers.python_errors import error_of

_MOST_AT_ONCE = 64
_OPENING_SECONDS = 30.0


def _patiently(opens: Callable[..., None], socket_of: Callable[[Any], Any]) -> Any:
    """The SDK gives each step of opening a WebSocket a second, which among many says how busy the
    machine is."""

    def opening(opened: Any, *arguments: Any, **options: Any) -> None:
        socket = socket_of(opened)
        usual = socket.gettimeout()
        socket.settimeout(_OPENING_SECONDS)
        opens(opened, *arguments, **options)
        socket.settimeout(usual)

    return opening


WebSocket.connect = _patiently(WebSocket.connect, lambda it: it)  # type: ignore[method-assign]
_Transport: Any = SASLWithWebSocket
_Transport.negotiate = _patiently(_Transport.negotiate, lambda it: it.sock)


def main() -> None:
    driver = Driver(ServiceBusClient, ServiceBusAdministrationClient)
    writing = threading.Lock()

    def serve(request: dict[str, Any]) -> None:
        try:
            answer = {"result": _done(driver, request)}
        except Exception as error:
            answer = {"error": error_of(error)}
        with writing:
            print(json.dumps({"id": request["id"], **answer}), flush=True)

    with ThreadPoolExecutor(_MOST_AT_ONCE) as threads:
        for line in sys.stdin:
            threads.submit(serve, json.loads(line))


def _done(driver: Driver, request: dict[str, Any]) -> Any:
    steps = driver.steps(request)
    value: Any = None
    while True:
        try:
            value = steps.send(value)
        except StopIteration as end:
            return end.value
        if isinstance(value, ItemPaged):
            value = list(value)


main()
