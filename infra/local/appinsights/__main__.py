"""``python -m infra.local.appinsights``: run the local Application Insights until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from infra.local.appinsights.server import LocalAppInsights


def main(argv: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; return 0, or 2 with one sentence on stderr for a bad start."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.appinsights", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7081, help="0 picks a free one")
    parser.add_argument("--data", type=Path, help="folder to keep telemetry in; memory if absent")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_serve(arguments.host, arguments.port, arguments.data))
    except OSError as error:
        print(f"appinsights cannot start: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(host: str, port: int, data: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with LocalAppInsights(data=data, host=host, port=port) as server:
        print(f"ready appinsights http={server.url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
