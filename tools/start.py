"""Run one service under Azure Functions Core Tools, where those are installed.

python tools/start.py sales
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tools.package import REPOSITORY, CannotPackage, check, stage

HOW_TO_GET = (
    "Azure Functions Core Tools (`func`) are not installed: `npm install -g "
    "azure-functions-core-tools@4 --unsafe-perm true`, or see "
    "https://learn.microsoft.com/azure/azure-functions/functions-run-local. "
    "`make up` runs the same code without them."
)


def main(argv: list[str]) -> int:
    """Stage the service and run `func start` there; return its exit code, or 1 if it cannot."""
    if len(argv) != 1:
        print("usage: start.py SERVICE", file=sys.stderr)
        return 2
    func = shutil.which("func")
    try:
        check(argv[0])
        if func is None:
            raise CannotPackage(HOW_TO_GET)
        staged = stage(argv[0], REPOSITORY / "dist" / "start")
    except CannotPackage as error:
        print(f"start: {error}", file=sys.stderr)
        return 1
    own = REPOSITORY / "local.settings.json"
    settings = own if own.exists() else REPOSITORY / "local.settings.example.json"
    shutil.copy(settings, staged / "local.settings.json")
    return subprocess.call([func, "start"], cwd=staged)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
