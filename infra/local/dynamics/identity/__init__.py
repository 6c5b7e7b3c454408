"""A stand-in for Microsoft Entra ID: tokens for applications, and the keys to check them."""
