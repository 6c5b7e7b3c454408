"""`python -m infra.local.child MODULE …`: run a module as a child that does not outlive its parent.

The parent keeps the writing end of our standard input open and writes nothing. However it ends, by
SIGKILL too, the system closes that end; then this process is asked to stop as by its parent, and
ends at once when it does not.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

GRACE_SECONDS = 20
"""From being asked to stop until the end; as long as the platform waits too."""

_STDIN = 0


def _watch(lifeline: int) -> None:
    while os.read(lifeline, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    lifeline = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)  # neither the module nor its own children see the lifeline
    os.close(nothing)
    threading.Thread(target=_watch, args=(lifeline,), name="lifeline", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
