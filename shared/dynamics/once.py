"""Book something once, whatever gets lost on the way.

    write -- success --------------------------> Booked
          -- refused --------------------------> Failed
          -- deadlock, update conflict --------> write again (bounded)
          -- key taken, or no certain answer --> look up
    look up -- found, the same ----------------> Booked(already_there)
            -- found, different ---------------> Failed(Conflict)
            -- not there ----------------------> write again (bounded)

Nothing is written again before a look-up has shown that it is not there. Where Dynamics itself does
not keep a second one out, `look_first` looks before the first write too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.dynamics.odata.errors import AlreadyExists, Conflict, DynamicsError, TryLater
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Uncertain

ROUNDS = 3

T = TypeVar("T")


async def book_once(
    write: Callable[[], Awaitable[T]],
    look_up: Callable[[], Awaitable[T | None]],
    *,
    key: Callable[[T], str],
    differences: Callable[[T], str],
    look_first: bool = False,
) -> Posting:
    """Return the posting. `write` and `look_up` return the document as Dynamics has it; they raise
    DynamicsError or Uncertain. `differences` names what differs from ours, '' when nothing does."""
    reason: DynamicsError = TryLater("Dynamics gave no certain answer.")
    must_look = look_first
    for _ in range(ROUNDS):
        try:
            if must_look:
                found = await look_up()
                if found is not None:
                    return _found(found, key, differences)
            return Booked(key(await write()), already_there=False)
        except (Uncertain, AlreadyExists):
            must_look = True
        except TryLater as error:
            if not error.at_once:
                return Failed(error)
            reason = error
        except DynamicsError as error:
            return Failed(error)
    try:
        found = await look_up() if must_look else None
    except (Uncertain, DynamicsError):
        return Failed(reason)
    return Failed(reason) if found is None else _found(found, key, differences)


def _found(found: T, key: Callable[[T], str], differences: Callable[[T], str]) -> Posting:
    if different := differences(found):
        return Failed(Conflict(f"The key is taken by another document: {different}"))
    return Booked(key(found), already_there=True)
