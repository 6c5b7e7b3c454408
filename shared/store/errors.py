"""What can go wrong with the store, split by what the caller can do about it."""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything the store raises on purpose."""


class StoreUnavailable(StoreError):
    """Try later: the database cannot be reached, is locked or is restarting."""


class StoreSettingsWrong(StoreError):
    """Fix the set-up: the URL, the driver or the credentials."""
