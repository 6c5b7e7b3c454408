"""The project's topology with one more subscription, whose messages no function touches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.local.platform.platform import TOPOLOGY

TOPIC, SUBSCRIPTION = "sale-completed", "bench"


def write_topology(folder: Path) -> Path:
    """Write infra/topology.json with the subscription `bench`, a twin of `sales`; return the file.

    It gets the same messages and filters them the same way, so that a bare receiver can take from
    the same bus process what the chain takes.
    """
    document: dict[str, Any] = json.loads(TOPOLOGY.read_text())
    (namespace,) = document["UserConfig"]["Namespaces"]
    (topic,) = (each for each in namespace["Topics"] if each["Name"] == TOPIC)
    (sales,) = (each for each in topic["Subscriptions"] if each["Name"] == "sales")
    twin = json.loads(json.dumps(sales).replace("'sales'", f"'{SUBSCRIPTION}'"))
    topic["Subscriptions"].append(twin | {"Name": SUBSCRIPTION})
    path = folder / "topology.json"
    path.write_text(json.dumps(document))
    return path
