"""Refusals, of a whole request and of one entry in it.

Only the successful answer of a reservation is published (`processingStatus`, `message`,
`statusCode`); that a refusal has the same shape, and every sentence here, is guessed ([U]).
"""

from __future__ import annotations

import json


class Refused(Exception):
    """One entry, or the whole request, is not carried out."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def answer(self) -> dict[str, object]:
        return {
            "id": "",
            "processingStatus": "failed",
            "message": self.message,
            "statusCode": self.status,
        }

    @property
    def body(self) -> bytes:
        return json.dumps(self.answer()).encode()


def missing(name: str) -> Refused:
    return Refused(f"The field '{name}' is required.")


def not_enough(available: float, wanted: float) -> Refused:
    return Refused(
        f"The reservation is refused: {available:g} available to reserve, {wanted:g} wanted."
    )


def deadlock() -> Refused:
    return Refused("The entry was chosen as the victim of a deadlock.", 500)


def conflict() -> Refused:
    return Refused("An update conflict occurred; the entry was not processed.", 409)


def frozen() -> Refused:
    return Refused("The organization is closed for changes.")


def refused_write() -> Refused:
    return Refused("The entry is invalid.")
