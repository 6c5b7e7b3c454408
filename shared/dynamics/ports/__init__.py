"""What services ask of a business system, in business words; adapters beside this package answer.

One module per subject. No product implements all of them: each adapter package says which.
"""

from shared.dynamics.ports.posting import Body, Booked, Failed, Posting
from shared.dynamics.ports.retail_transactions import RetailTransaction, RetailTransactions

__all__ = [
    "Body",
    "Booked",
    "Failed",
    "Posting",
    "RetailTransaction",
    "RetailTransactions",
]
