"""Clients to measure the bus with, each a process: `… .servicebus_client_programs NAME HOST …`.

Each sends messages of 1 KiB one by one, then many at once, then receives and completes them, and
prints one JSON object: {"rates": {step: messages per second}, "settled": [ms], "cpu": s}. `cpu` is
the client's own, without its start.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.bench.servicebus_peer import BODY, RawReceiver, RawSender, connection_string, message

SINGLE = 500
MANY = 5_000
SETTLED = 500
BATCH = 100

ONE_BY_ONE, AT_ONCE, TAKE = "send one by one", "send many at once", "receive and complete"


@dataclass
class Figures:
    rates: dict[str, float] = field(default_factory=dict)
    settled: list[float] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, count: int) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.rates[name] = count / (time.perf_counter() - began)

    def settle(self, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        self.settled.append((time.perf_counter() - began) * 1000)


def sdk(host: str, port: int, queue: str, figures: Figures) -> None:
    """azure-servicebus, its blocking client."""
    from azure.servicebus import ServiceBusClient, ServiceBusMessage

    with ServiceBusClient.from_connection_string(connection_string(host, port)) as client:
        with client.get_queue_sender(queue) as sender:
            with figures.step(ONE_BY_ONE, SINGLE):
                for _ in range(SINGLE):
                    sender.send_messages(ServiceBusMessage(BODY))
            with figures.step(AT_ONCE, MANY):
                for _ in range(MANY // BATCH):
                    sender.send_messages([ServiceBusMessage(BODY) for _ in range(BATCH)])
        with (
            client.get_queue_receiver(queue, prefetch_count=BATCH) as receiver,
            figures.step(TAKE, SINGLE + MANY),
        ):
            while len(figures.settled) < SINGLE + MANY:
                for each in receiver.receive_messages(BATCH, max_wait_time=30):
                    figures.settle(lambda taken=each: receiver.complete_message(taken))  # type: ignore[misc]


def proton(host: str, port: int, queue: str, figures: Figures) -> None:
    """python-qpid-proton, its blocking client: one message at a time."""
    from proton import Message
    from proton.utils import BlockingConnection

    connection = BlockingConnection(f"amqp://{host}:{port}", timeout=30)
    sender = connection.create_sender(queue)
    with figures.step(ONE_BY_ONE, SINGLE):
        for _ in range(SINGLE):
            sender.send(Message(body=BODY, inferred=True))
    receiver = connection.create_receiver(queue, credit=BATCH)
    with figures.step(TAKE, SINGLE):
        for _ in range(SINGLE):
            receiver.receive(timeout=30)
            figures.settle(receiver.accept)
    connection.close()


def raw(host: str, port: int, queue: str, figures: Figures) -> None:
    """Bare frames: what the bus can serve."""
    sender, receiver = RawSender(host, port, queue), RawReceiver(host, port, queue)
    messages = [message(number) for number in range(BATCH)]
    with figures.step(ONE_BY_ONE, SINGLE):
        for number in range(SINGLE):
            sender.send([messages[number % BATCH]])
    with figures.step(AT_ONCE, MANY):
        for _ in range(MANY // BATCH):
            sender.send(messages)
    with figures.step(TAKE, MANY):
        for _ in range(MANY // BATCH):
            receiver.receive(BATCH)
            receiver.complete()
    for _ in range(SETTLED):
        receiver.receive(1)
        figures.settle(receiver.complete)


PROGRAMS: Mapping[str, Callable[[str, int, str, Figures], None]] = MappingProxyType(
    {"sdk": sdk, "proton": proton, "raw": raw}
)

# `node -e RHEA HOST PORT QUEUE`, with rhea where node looks for modules.
RHEA = f"""
const rhea = require('rhea');
const [host, port, queue] = process.argv.slice(1);
const many = {MANY}, body = Buffer.alloc({len(BODY)}, 'x'), rates = {{}};
const connection = rhea.connect({{host, port: Number(port), username: 'user'}});
let sent = 0, accepted = 0, received = 0, began = 0;
const rate = () => many / (performance.now() - began) * 1000;
const sender = connection.open_sender(queue);
const before = process.cpuUsage();
sender.on('sendable', () => {{
  began ||= performance.now();
  for (; sent < many && sender.sendable(); sent++)
    sender.send({{body: rhea.message.data_section(body)}});
}});
sender.on('accepted', () => {{
  if (++accepted < many) return;
  rates['{AT_ONCE}'] = rate();
  began = performance.now();
  connection.open_receiver({{source: queue, autoaccept: false, credit_window: {BATCH}}});
}});
connection.on('message', (context) => {{
  context.delivery.accept();
  if (++received < many) return;
  rates['{TAKE}'] = rate();
  const spent = process.cpuUsage(before);
  console.log(JSON.stringify({{rates, settled: [], cpu: (spent.user + spent.system) / 1e6}}));
  connection.close();
}});
"""


def main(argv: list[str]) -> int:
    """Return 0."""
    name, host, port, queue = argv
    figures = Figures()
    began = time.process_time()
    PROGRAMS[name](host, int(port), queue, figures)
    cpu = time.process_time() - began
    print(json.dumps({"rates": figures.rates, "settled": figures.settled, "cpu": cpu}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
