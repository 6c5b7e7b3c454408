"""Dynamics 365 Business Central: API v2.0 and the retail custom API below `/v2.0`."""

from .product import open_product

__all__ = ["open_product"]
