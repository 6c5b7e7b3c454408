"""`python -m infra.local.servicebus`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local.servicebus import (
    AuthorizationRule,
    ConfigError,
    LocalServiceBus,
    StorageError,
    TlsFiles,
)
from infra.local.servicebus.server.security import policy_of


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.servicebus",
        description="Azure Service Bus over AMQP 1.0 on this machine.",
        epilog="Exit code 0 after SIGTERM or SIGINT, 1 when it cannot start, 2 for wrong usage.",
    )
    parser.add_argument(
        "--config", type=Path, required=True, help="the official emulator's Config.json"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--amqp-port", type=int, default=5672, help="%(default)s; 0 = a free one")
    parser.add_argument(
        "--tls-port", type=int, help="the AMQP port once more, for SDKs that know only 5671 for TLS"
    )
    parser.add_argument("--admin-port", type=int, default=5300, help="%(default)s; 0 = a free one")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--data", type=Path, help="folder that keeps the messages")
    place.add_argument("--in-memory", action="store_true", help="keep nothing")
    parser.add_argument(
        "--key",
        type=policy,
        action="append",
        default=[],
        metavar="NAME=KEY[:RIGHTS]",
        help="a shared access policy; RIGHTS of Listen, Send, Manage, all unless given; repeatable."
        " With one, every token is checked",
    )
    own = parser.add_argument_group("a certificate of your own", "PEM files; else one is made")
    own.add_argument("--certificate", type=Path)
    own.add_argument("--certificate-key", type=Path)
    parser.add_argument("--verbose", action="store_true", help="log every connection")
    return parser


# Objects between two looks of the garbage collector. Messages are freed by reference counts; what
# the collector would find is rare, and looking often costs a tenth of the time.
_COLLECT_EVERY = 50_000


async def serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with LocalServiceBus(
        arguments.config,
        data=arguments.data,
        host=arguments.host,
        amqp_port=arguments.amqp_port,
        tls_port=arguments.tls_port,
        admin_port=arguments.admin_port,
        keys=arguments.key,
        tls=tls_files(arguments),
    ) as bus:
        print(f"ready servicebus amqp={bus.host}:{bus.amqp_port} admin={bus.admin_url}", flush=True)
        await stop.wait()


def policy(text: str) -> AuthorizationRule:
    try:
        return policy_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def tls_files(arguments: argparse.Namespace) -> TlsFiles | None:
    """Raises ConfigError when one of the two is missing."""
    certificate, key = arguments.certificate, arguments.certificate_key
    if (certificate is None) != (key is None):
        raise ConfigError("--certificate and --certificate-key are given together.")
    return None if certificate is None else TlsFiles(certificate, key)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if arguments.verbose else logging.INFO,
        format="%(asctime)s servicebus %(levelname)s %(message)s",
    )
    gc.set_threshold(_COLLECT_EVERY)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(arguments))
    except (ConfigError, StorageError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        ports = f"{arguments.host}, AMQP {arguments.amqp_port}, admin {arguments.admin_port}"
        print(f"Cannot listen on {ports}: {error.strerror or error}.", file=sys.stderr)
        return 1
    return 0


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Return uvloop where it is installed; it halves the cost of a socket read."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
