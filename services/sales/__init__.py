"""Sales and returns of tills become retail transactions in Dynamics."""
