"""Change tracking: rows by version, deletions among them, tokens that grow too old.

A pass reads the versions between its two ends: what is written meanwhile has a higher one and comes
with the next pass. Form of the tokens: Microsoft's sample, `919042!08/22/2017 08:10:44`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from infra.local.dynamics.clock import Clock
from infra.local.dynamics.odata.messages import Answer, Operation

from . import errors
from .operations import Operations
from .pages import json_answer, next_link, page_size
from .query import check_tracked, parse_query
from .representation import removed
from .rows import Removed, Rows
from .tables import Table

TOKEN_LIFE = timedelta(days=7)
"""The organisation's ExpireChangeTrackingInDays, as it comes."""

_TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
_PAGE = re.compile(r"(\d+)-(\d+)-([01])")
_TIME = "%m/%d/%Y %H:%M:%S"


def is_tracked(operation: Operation) -> bool:
    return operation.method == "GET" and (
        "odata.track-changes" in operation.headers.get("prefer", "")
        or "$deltatoken" in operation.options
        or "-" in operation.options.get("$skiptoken", "")
    )


class Tracking:
    def __init__(self, rows: Rows, operations: Operations, clock: Clock) -> None:
        self._rows = rows
        self._operations = operations
        self._clock = clock

    def read(self, table: Table, operation: Operation, root: str) -> Answer:
        """One page of a pass. Raises DataverseError."""
        check_tracked(table, operation.options)
        options = dict(operation.options)
        after, upto, removals = self._bounds(options)
        query = parse_query(table, {k: v for k, v in options.items() if k != "$skiptoken"})
        size = page_size(operation.headers.get("prefer", ""))
        found = self._rows.changes(table, after, upto, size + 1, removals=removals)
        page = found[:size]
        value = [
            removed(root, table, each.id)
            if isinstance(each, Removed)
            else self._operations.shown(table, each, query, operation)
            for each in page
        ]
        answer: dict[str, object] = {
            "@odata.context": f"{root}$metadata#{table.entity_set}/$delta",
        }
        if len(found) > size:
            token = f"{page[-1].version}-{upto}-{int(removals)}"
            answer["@odata.nextLink"] = next_link(root, table, options, {"$skiptoken": token})
        else:
            at = self._clock().astimezone(timezone.utc).strftime(_TIME)
            answer["@odata.deltaLink"] = next_link(
                root, table, options, {"$deltatoken": f"{upto}!{at}"}
            )
        answer["value"] = value
        return json_answer(200, answer, (_APPLIED,))

    def _bounds(self, options: dict[str, str]) -> tuple[int, int, bool]:
        """Versions after the first up to the second, and whether deletions belong to the pass."""
        if match := _PAGE.fullmatch(options.get("$skiptoken", "")):
            return int(match[1]), int(match[2]), match[3] == "1"
        token = options.get("$deltatoken")
        if token is None:
            return 0, self._rows.version, False
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise errors.invalid_argument("The delta token is not one of ours.")
        given = datetime.strptime(match[2], _TIME).replace(tzinfo=timezone.utc)
        if self._clock() - given > TOKEN_LIFE:
            raise errors.expired_token()
        return int(match[1]), self._rows.version, True


_APPLIED = ("Preference-Applied", "odata.track-changes")
