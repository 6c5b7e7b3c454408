"""The facts as JSON Schema (draft 2020-12), one file per event type.

`python -m shared.events.schemas DIR` writes them; they are kept in shared/events/schemas.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .versions import FACTS


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each fact's data by file name, for example sale-completed.v1.json."""
    return {
        f"{type_.removeprefix('com.tillbus.')}.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"https://tillbus.com/schemas/{type_.removeprefix('com.tillbus.')}.json",
            **model.model_json_schema(mode="validation"),
        }
        for type_, model in FACTS.items()
    }


def schema_texts() -> dict[str, str]:
    """Return what each schema file contains."""
    return {
        name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in json_schemas().items()
    }


def main(arguments: Sequence[str]) -> int:
    """Write every schema into the folder given; exit code 2 without exactly one folder."""
    if len(arguments) != 1:
        print("usage: python -m shared.events.schemas DIR", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_texts().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
