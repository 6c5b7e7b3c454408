"""The facts as JSON Schema (draft 2020-12), one file per event type.

`python -m shared.events.schemas DIR` writes them; those in this folder are what it wrote last.
"""

from __future__ import annotations

import json
from typing import Any

from shared.events.versions import FACTS


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
