"""Take a person out of what the store remembers; the books stay as they are."""

from shared.erasure.persons import concerns, is_link, persons_in, persons_of
from shared.erasure.redaction import redacted, stripped

__all__ = ["concerns", "is_link", "persons_in", "persons_of", "redacted", "stripped"]
