"""What a till keeps until the bus has it: an encrypted outbox on disk, and who uploads it.

with Outbox.open(path, key) as outbox:
    outbox.put(sale)                  # on disk once it returns; the next customer may come
    await Uploader(outbox, publisher).run()
"""

from __future__ import annotations

from infra.local.till.outbox.box import Outbox, OutboxDamaged, OutboxFull, Status, Waiting
from infra.local.till.outbox.uploader import Uploaded, Uploader

__all__ = [
    "Outbox",
    "OutboxDamaged",
    "OutboxFull",
    "Status",
    "Uploaded",
    "Uploader",
    "Waiting",
]
