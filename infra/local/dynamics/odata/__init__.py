"""What the OData products have in common: entity tables, keys, queries, multipart, storage."""
