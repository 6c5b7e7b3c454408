"""Dynamics 365 Commerce: a scale unit's Retail Server below `/Commerce`."""

from .product import open_product

__all__ = ["open_product"]
