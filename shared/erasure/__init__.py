"""Take a person out of what the store remembers; the books stay as they are.

persons    whom a fact is about
redaction  a fact without what it says about a person
search     where the store speaks of a person
erasure    redact, delete, and note that it was done
"""

from shared.erasure.erasure import OPERATORS, ErasureReport, erase, subject_of
from shared.erasure.persons import concerns, is_link, persons_in, persons_of
from shared.erasure.redaction import redacted, stripped
from shared.erasure.search import Found, find

__all__ = [
    "OPERATORS",
    "ErasureReport",
    "Found",
    "concerns",
    "erase",
    "find",
    "is_link",
    "persons_in",
    "persons_of",
    "redacted",
    "stripped",
    "subject_of",
]
