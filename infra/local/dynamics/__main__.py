"""`python -m infra.local.dynamics`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .clock import Clock, ManualClock
from .odata.store import StoreUnusable
from .simulator import DynamicsSimulator
from .webhooks import ServiceBusSender

DEFAULT_PORT = 7080
DEFAULT_IDENTITY_PORT = 7443


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 stopped on request, 1 cannot start, 2 wrong arguments."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(arguments))
    except (OSError, StoreUnusable) as error:
        print(f"the Dynamics simulator cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loops where there is uvloop, which is everywhere but on Windows."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "infra.local.dynamics",
        description="Simulates Dynamics 365.",
        epilog="A running one is asked by tillbus simulator faults, requests, entities, webhooks "
        "and clock.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="API over HTTP; 0 picks one (%(default)s)"
    )
    parser.add_argument(
        "--identity-port",
        type=_port,
        default=DEFAULT_IDENTITY_PORT,
        help="tokens over HTTPS; 0 picks one (%(default)s)",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="directory for books, keys and certificates")
    where.add_argument("--in-memory", action="store_true", help="forget everything at the end")
    parser.add_argument(
        "--strict-operating-units",
        action="store_true",
        help="refuse operating units that are not in OperatingUnits",
    )
    parser.add_argument(
        "--clock",
        choices=("machine", "manual"),
        default="machine",
        help="manual: time stands still until POST /_simulator/clock",
    )
    parser.add_argument(
        "--limits",
        choices=("off", "on"),
        default="off",
        help="refuse what is beyond each product's service protection limits (%(default)s)",
    )
    parser.add_argument(
        "--service-bus",
        metavar="CONNECTION_STRING",
        help="the namespace that notifications for sb:// addresses go to",
    )
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return number


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    simulator = DynamicsSimulator(
        arguments.data,
        host=arguments.host,
        api_port=arguments.port,
        identity_port=arguments.identity_port,
        clock=ManualClock() if arguments.clock == "manual" else Clock(),
        limits=arguments.limits == "on",
        senders={"sb": ServiceBusSender(arguments.service_bus)} if arguments.service_bus else {},
        strict_operating_units=arguments.strict_operating_units,
    )
    async with simulator:
        print(
            f"ready dynamics api={simulator.api_url} identity={simulator.identity_url} "
            f"ca={simulator.ca_file}",
            flush=True,
        )
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
