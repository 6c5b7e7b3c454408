"""Witnesses every fact and every document, and certifies each store-day."""
