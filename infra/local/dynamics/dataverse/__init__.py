"""Dataverse: the Web API v9.2 over tables with GUID keys, alternate keys and row versions."""

from .product import open_product

__all__ = ["open_product"]
