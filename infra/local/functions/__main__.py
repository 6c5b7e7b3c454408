"""`python -m infra.local.functions`: run the Function Apps of this repository on one machine."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from infra.local.functions.app_settings import apply_local_settings
from infra.local.functions.errors import EXIT_BAD_CONFIGURATION, ConfigurationError
from infra.local.functions.host import Host, HostOptions
from infra.local.functions.host_json import load_host_settings
from infra.local.functions.supervisor import READY, Supervisor
from infra.local.functions.triggers.http import load_keys
from infra.local.functions.unobserved import follow_parents

_REPOSITORY = Path(__file__).resolve().parents[3]
_SERVICE_APP = Path(__file__).resolve().parent / "service_app"
_EXIT_CODES = "Exit codes: 0 stopped, 2 bad configuration, 75 a function timed out."


def parser() -> argparse.ArgumentParser:
    """The command line."""
    text = argparse.ArgumentParser(prog=f"python -m {__package__}", epilog=_EXIT_CODES)
    add = text.add_argument
    add("--app", type=Path, metavar="DIR", help="folder with function_app.py and host.json")
    add(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help="one process for services/NAME; repeatable",
    )
    add(
        "--function",
        action="append",
        default=[],
        metavar="NAME",
        help="run this function only; repeatable",
    )
    add("--host", default="127.0.0.1", help="address to listen on")
    add(
        "--port",
        type=int,
        default=7071,
        help="HTTP port, 0 for a free one; further services follow it",
    )
    add(
        "--settings",
        type=Path,
        metavar="FILE",
        help="default: local.settings.json of the app, if there",
    )
    add("--state", type=Path, metavar="DIR", help="where timers keep their status")
    add("--keys", type=Path, metavar="FILE", help="check access keys of HTTP functions (JSON)")
    add("--restart", action="store_true", help="start a host again after a timeout or a kill")
    add(
        "--abandon-after-stop",
        action="store_true",
        help="single dispatch abandons what ends after a stop began, as extension 5.x",
    )
    add("--stop-on-eof", action="store_true", help=argparse.SUPPRESS)
    return text


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    options = parser().parse_args(arguments)
    try:
        if len(options.service) > 1 or options.restart:
            return asyncio.run(
                Supervisor(
                    _commands(arguments, options), restart=options.restart, on_ready=_ready
                ).run()
            )
        return asyncio.run(_run_host(options))
    except ConfigurationError as error:
        print(error, file=sys.stderr, flush=True)
        return EXIT_BAD_CONFIGURATION


def _commands(arguments: Sequence[str], options: argparse.Namespace) -> list[list[str]]:
    """The command line of each host process: this one's, with one service and its own port."""
    kept = [item for item in arguments if item != "--restart"]
    if not options.service:
        return [kept]
    return [
        [
            *_without_services(kept),
            *("--service", service),
            *("--port", str(options.port + index if options.port else 0)),
        ]
        for index, service in enumerate(options.service)
    ]


def _without_services(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for item in arguments:
        if not skip and item != "--service" and not item.startswith("--service="):
            kept.append(item)
        skip = item == "--service"
    return kept


async def _run_host(options: argparse.Namespace) -> int:
    root = (options.app or _REPOSITORY).resolve()
    if not root.is_dir():
        raise ConfigurationError(f"{root} is not a folder.")
    settings = load_host_settings(root / "host.json")
    _configure_logging(settings.log_level)
    apply_local_settings(_settings_file(root, options.settings))
    follow_parents()
    host = Host(
        HostOptions(
            app=_app_folder(root, options.service),
            settings=settings,
            state=options.state or root / ".tillbus" / "functions",
            host=options.host,
            port=options.port,
            keys=load_keys(options.keys) if options.keys else None,
            only=frozenset(options.function),
            abandon_after_stop=options.abandon_after_stop,
        )
    )
    # Not loop.add_signal_handler: an app may keep this thread's loop busy when the signal comes.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.stop())
    if options.stop_on_eof:
        threading.Thread(target=_stop_on_eof, args=(host,), daemon=True).start()
    return await host.run(_ready)


def _stop_on_eof(host: Host) -> None:
    """Stop when the supervisor's end of the pipe closes, however it ended."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    host.stop()


def _settings_file(root: Path, given: Path | None) -> Path | None:
    if given is not None:
        return given
    default = root / "local.settings.json"
    return default if default.exists() else None


def _app_folder(root: Path, services: Sequence[str]) -> Path:
    if not services:
        return root
    (service,) = services
    if not (root / "services" / service / "function_app.py").is_file():
        raise ConfigurationError(f"There is no service {service!r} in {root / 'services'}.")
    os.environ["TILLBUS_SERVICE"] = service
    sys.path.insert(0, str(root))
    return _SERVICE_APP


def _ready(url: str, functions: int) -> None:
    print(f"{READY}http={url} functions={functions}", flush=True)


def _configure_logging(level: str) -> None:
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # The SDK's and the worker's own chatter is per link and per invocation.
    for noisy in ("azure", "uamqp", "httpx", "uvicorn"):
        logging.getLogger(noisy).setLevel("WARNING")
    # A lost connection is reported by the trigger that lost it, once.
    logging.getLogger("azure.servicebus").setLevel("ERROR")
    # What the worker reports as an error it also answers, and this host says it in one sentence.
    logging.getLogger("azure.functions").setLevel("CRITICAL")


if __name__ == "__main__":
    sys.exit(main())
