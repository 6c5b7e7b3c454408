"""Run one service under Azure Functions Core Tools, where those are installed.

python tools/start.py sales
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tools.package import REPOSITORY, CannotPackage, check, stage

DATA = ".tillbus"
"""Folder of the local platform's data in the clone."""

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
    own, example = (REPOSITORY / f"local.settings{each}.json" for each in ("", ".example"))
    (staged / "local.settings.json").write_text(settings(own if own.exists() else example))
    return subprocess.call([func, "start"], cwd=staged)


def settings(file: Path) -> str:
    """Return the settings of a file of the clone, with paths that hold from anywhere."""
    document = json.loads(file.read_text())
    values = {name: _from_anywhere(value) for name, value in document["Values"].items()}
    return json.dumps({**document, "Values": values}, indent=2)


def _from_anywhere(value: str) -> str:
    """Return the value with its relative path, if it is one, below the clone's folder."""
    scheme, _, path = value.rpartition("///")
    if not path.startswith(f"{DATA}/"):
        return value
    return f"{scheme}///{REPOSITORY / path}" if scheme else str(REPOSITORY / path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
