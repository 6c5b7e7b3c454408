"""Writes the JSON Schemas into a folder: python -m shared.events.schemas DIR."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from . import schema_texts


def main(arguments: Sequence[str]) -> int:
    """Write every schema into the folder given; exit code 2 when that is not possible."""
    if len(arguments) != 1:
        print("usage: python -m shared.events.schemas DIR", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in schema_texts().items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"cannot write the schemas: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
