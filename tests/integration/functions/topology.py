"""The small namespace these tests run on, in the official emulator's Config.json shape."""

from typing import Any

TOPOLOGY: dict[str, Any] = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [
                    {"Name": "questions", "Properties": {}},
                    {"Name": "answers", "Properties": {}},
                ],
                "Topics": [
                    {
                        "Name": "sale-completed",
                        "Properties": {},
                        "Subscriptions": [
                            {
                                "Name": "sales",
                                "Properties": {"LockDuration": "PT1M", "MaxDeliveryCount": 3},
                            }
                        ],
                    }
                ],
            }
        ],
        "Logging": {"Type": "File"},
    }
}
