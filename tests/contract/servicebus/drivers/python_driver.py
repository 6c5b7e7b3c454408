"""What every Python driver is: what is open, and its operations as generators.

An operation yields whatever an SDK call returned and gets the call's value back. The sync shell
hands the value straight back, the aio shell awaits it first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any

from tests.contract.servicebus.drivers.python_values import received

Args = dict[str, Any]
Steps = Generator[Any, Any, Any]
Operation = Callable[["Driver", Any, Args], Steps]
OPERATIONS: dict[str, Operation] = {}


class Driver:
    """What is open, by the names the suite gave, and the messages received, by reference."""

    def __init__(self, client_class: Any, admin_class: Any) -> None:
        self.client_class = client_class
        self.admin_class = admin_class
        self.objects: dict[str, Any] = {}
        self.messages: dict[int, Any] = {}
        self._references = itertools.count(1)

    def steps(self, request: dict[str, Any]) -> Steps:
        """Return the operation of `{op, on, args}`, not begun yet."""
        on = self.objects.get(request.get("on", ""))
        return OPERATIONS[request["op"]](self, on, request.get("args", {}))

    def keep(self, message: Any) -> dict[str, Any]:
        reference = next(self._references)
        self.messages[reference] = message
        return {"reference": reference, **received(message)}


def operation(function: Operation) -> Operation:
    OPERATIONS[function.__name__] = function
    return function
