"""Rule filters and actions of subscriptions."""
