"""What can go wrong with a Dynamics call, split by what the caller can do about it.

One tree for every Dynamics product. The type says whether a repeat can help; the caller never reads
status codes or message texts again:

    DynamicsError
      TryLater       throttled, busy, unreachable, deadlock: the same request can succeed later
      Refused        a business rule or validation said no: only a changed request can succeed
      MissingParent  a record the request refers to does not exist (yet)
      AlreadyExists  the key is taken: look it up and compare, never assume (stays inside adapters)
      Conflict       the key is taken by a document that says something else
      SetUpWrong     sign-in, permission, address or entity version: an administrator has to act
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Evidence:
    """What Dynamics said, kept for the person who has to act on it.

    `message` is the part after `Infolog:` where there is one; `original` the whole text. `status`
    is None when no answer arrived. `request_id` is what Microsoft support asks for.
    """

    message: str
    original: str = ""
    status: int | None = None
    code: str = ""
    request_id: str = ""
    hint: str = ""


class DynamicsError(Exception):
    """A Dynamics call did not do what was asked; see the subclass for what helps."""

    def __init__(self, evidence: Evidence | str) -> None:
        self.evidence = evidence if isinstance(evidence, Evidence) else Evidence(evidence)
        super().__init__(self.evidence.message)

    @property
    def message(self) -> str:
        return self.evidence.message

    @property
    def status(self) -> int | None:
        return self.evidence.status

    @property
    def code(self) -> str:
        return self.evidence.code

    @property
    def request_id(self) -> str:
        return self.evidence.request_id

    @property
    def hint(self) -> str:
        return self.evidence.hint

    def describe(self) -> str:
        """Return one line for a log or a dead letter: message, hint, status and request id."""
        facts = [f"HTTP {self.status}"] if self.status is not None else []
        facts += [f"code {self.code}"] if self.code else []
        facts += [f"request {self.request_id}"] if self.request_id else []
        line = self.message + (f" ({', '.join(facts)})" if facts else "")
        return f"{line} {self.hint}" if self.hint else line


class TryLater(DynamicsError):
    """The same request can succeed later.

    `retry_after` is what Dynamics asked for, zero when the request may be repeated at once (a
    deadlock victim, an update conflict), None when nobody said.
    """

    def __init__(self, evidence: Evidence | str, retry_after: timedelta | None = None) -> None:
        super().__init__(evidence)
        self.retry_after = retry_after

    @property
    def at_once(self) -> bool:
        return self.retry_after == timedelta(0)


class Refused(DynamicsError):
    """Dynamics understood the request and said no; repeating it cannot help."""


class MissingParent(DynamicsError):
    """The request refers to a record Dynamics does not have; it can succeed once that exists."""

    @property
    def what(self) -> str:
        """What is missing, in Dynamics' words."""
        return self.message


class AlreadyExists(DynamicsError):
    """A record with this key exists. Proof of nothing: look it up and compare."""


class Conflict(DynamicsError):
    """The key is taken by a document that differs from ours; the message names the differences."""


class SetUpWrong(DynamicsError):
    """Sign-in, permission, address or entity version is wrong; an administrator has to act."""
