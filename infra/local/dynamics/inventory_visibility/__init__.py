"""Dynamics 365 Inventory Visibility: the stock service below `/api/environment/<id>`."""

from .configuration import ENVIRONMENT_ID
from .product import open_product

__all__ = ["ENVIRONMENT_ID", "open_product"]
