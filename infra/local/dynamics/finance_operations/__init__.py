"""Dynamics 365 Finance & Operations: OData below `/data`."""

from .product import open_product

__all__ = ["open_product"]
