"""`python -m infra.local.servicebus`, also `tillbus bus`: serve until SIGTERM or SIGINT, or ask a
bus that runs."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.local.servicebus import (
    AuthorizationRule,
    ConfigError,
    LocalServiceBus,
    ManualClock,
    NamespaceConfig,
    StorageError,
    TlsFiles,
    logs,
)
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.remote import COMMANDS, NotAnswered, run
from infra.local.servicebus.server.security import policy_of

PROGRAM = "python -m infra.local.servicebus"


def policy(text: str) -> AuthorizationRule:
    try:
        return policy_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("it has to be above 0")
    return int(text)


_PORT = {"type": int, "metavar": "PORT"}
_FLAG = {"action": "store_true"}

OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "what is served": {
        "--config": {
            "type": Path,
            "metavar": "FILE",
            "help": "the official emulator's Config.json; without it the namespace is empty",
        },
    },
    "where messages are kept (one of the two)": {
        "--data": {"type": Path, "metavar": "FOLDER", "help": "this folder keeps them"},
        "--in-memory": {**_FLAG, "help": "keep nothing"},
    },
    "where it listens": {
        "--host": {"default": "127.0.0.1", "metavar": "ADDRESS", "help": "%(default)s"},
        "--amqp-port": {**_PORT, "default": 5672, "help": "%(default)s; 0 = a free one"},
        "--admin-port": {**_PORT, "default": 5300, "help": "%(default)s; 0 = a free one"},
        "--tls-port": {
            **_PORT,
            "help": "the AMQP port once more, for SDKs that know only 5671 for TLS",
        },
    },
    "security": {
        "--key": {
            "type": policy,
            "action": "append",
            "default": [],
            "metavar": "NAME=KEY[:RIGHTS]",
            "help": "a shared access policy; RIGHTS of Listen, Send, Manage, all unless given;"
            " repeatable. With one, every token is checked",
        },
        "--certificate": {
            "type": Path,
            "metavar": "FILE",
            "help": "PEM file of your own; else one is made",
        },
        "--certificate-key": {"type": Path, "metavar": "FILE", "help": "its key"},
    },
    "for tests and operation": {
        "--clock": {
            "choices": ("system", "manual"),
            "default": "system",
            "help": "manual: time stands still until POST /clock on the admin port",
        },
        "--strict-limits": {
            "choices": tuple(LIMITS),
            "help": "refuse what that tier, or the official emulator, refuses as too much",
        },
        "--max-message-bytes": {
            "type": positive,
            "metavar": "BYTES",
            "help": "largest message and batch (1 MiB, or that of --strict-limits)",
        },
        "--expire-idle": {
            **_FLAG,
            "help": "end idle links and connections as the service does: after 10 and 5 minutes",
        },
        "--log-format": {"choices": tuple(logs.FORMATS), "default": "human", "help": "%(default)s"},
        "--verbose": {**_FLAG, "help": "log every connection"},
    },
}


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    asking = "\n".join(f"  {name:<12}{about}" for name, (about, *_) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=program,
        usage=f"{program} (--data FOLDER | --in-memory) [option ...]\n"
        f"       {program} {{{','.join(COMMANDS)}}} [--help]",
        description="Azure Service Bus over AMQP 1.0 on this machine.",
        epilog=f"instead of options, to ask a running bus:\n{asking}\n\n"
        "Exit code 0 after SIGTERM or SIGINT, 1 when it cannot start, 2 for wrong usage.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for title, options in OPTIONS.items():
        group = parser.add_argument_group(title)
        for name, settings in options.items():
            group.add_argument(name, **settings)
    return parser


# Objects between two looks of the garbage collector. Messages are freed by reference counts; what
# the collector would find is rare, and looking often costs a tenth of the time.
_COLLECT_EVERY = 50_000


async def serve(arguments: argparse.Namespace) -> None:
    stop = stop_at_signal()
    provider = meter_provider()
    try:
        async with LocalServiceBus(
            arguments.config or NamespaceConfig(),
            data=arguments.data,
            host=arguments.host,
            amqp_port=arguments.amqp_port,
            tls_port=arguments.tls_port,
            admin_port=arguments.admin_port,
            keys=arguments.key,
            tls=tls_files(arguments),
            clock=ManualClock() if arguments.clock == "manual" else None,
            strict_limits=arguments.strict_limits,
            max_message_bytes=arguments.max_message_bytes,
            expire_idle=arguments.expire_idle,
            meter_provider=provider,
        ) as bus:
            print(
                f"ready servicebus amqp={bus.host}:{bus.amqp_port} admin={bus.admin_url}"
                f" ca={bus.admin_url}/ca.pem",
                flush=True,
            )
            await stop.wait()
            if provider is not None:  # while there is something to measure
                await asyncio.to_thread(provider.force_flush)
    finally:
        if provider is not None:
            provider.shutdown()


def stop_at_signal() -> asyncio.Event:
    """Return what the first signal sets; a second one ends the process at once, which costs nobody
    an acknowledged message."""
    stop = asyncio.Event()

    def told(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told, number)
    return stop


def meter_provider() -> Any:
    """Return what exports the bus's measures where OpenTelemetry's variables say so, else None."""
    if "OTEL_EXPORTER_OTLP_ENDPOINT" not in os.environ:
        return None
    from infra.local.servicebus.server.metrics import provider_of_environment

    return provider_of_environment()


def tls_files(arguments: argparse.Namespace) -> TlsFiles | None:
    """Raises ConfigError when one of the two is missing."""
    certificate, key = arguments.certificate, arguments.certificate_key
    if (certificate is None) != (key is None):
        raise ConfigError("--certificate and --certificate-key are given together.")
    return None if certificate is None else TlsFiles(certificate, key)


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    given = sys.argv[1:] if argv is None else list(argv)
    if given and given[0] in COMMANDS:
        try:
            return run(program, given)
        except NotAnswered as error:
            print(error, file=sys.stderr)
            return 1
    parser = build_parser(program)
    arguments = parser.parse_args(given)
    if (arguments.data is None) is not arguments.in_memory:
        parser.error("say where messages are kept: either --data FOLDER or --in-memory")
    logs.configure(arguments.log_format, verbose=arguments.verbose)
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
