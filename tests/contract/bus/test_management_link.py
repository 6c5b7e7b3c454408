"""What `ManagementSettlement` uses of azure-servicebus beside its public interface."""

import inspect
import uuid
from importlib.metadata import version
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusReceiver

PINNED = "7.15.0"


def test_the_pinned_sdk_is_the_one_this_was_checked_with() -> None:
    assert version("azure-servicebus") == PINNED, "check ManagementSettlement against the new SDK"


def test_the_private_methods_have_the_signatures_they_are_called_with() -> None:
    settle = inspect.signature(ServiceBusReceiver._settle_message_via_mgmt_link)
    assert list(settle.parameters) == ["self", "settlement", "lock_tokens", "dead_letter_details"]
    assert list(inspect.signature(ServiceBusReceiver._open_with_retry).parameters) == ["self"]


@pytest.mark.parametrize(
    ("status", "details"),
    [
        ("completed", None),
        ("abandoned", None),
        ("suspended", {"deadletter-reason": "r", "deadletter-description": "d"}),
    ],
)
async def test_the_request_carries_what_the_broker_expects(
    monkeypatch: pytest.MonkeyPatch, status: str, details: dict[str, str] | None
) -> None:
    receiver: Any = ServiceBusReceiver(
        "localhost",
        None,  # type: ignore[arg-type]
        topic_name="t",
        subscription_name="s",
    )
    requests: list[tuple[bytes, dict[Any, Any]]] = []

    async def record(operation: bytes, message: dict[Any, Any], *_: Any, **__: Any) -> None:
        requests.append((operation, message))

    monkeypatch.setattr(receiver, "_mgmt_request_response", record)
    token = uuid.uuid4()

    await receiver._settle_message_via_mgmt_link(status, [token], details)

    ((operation, body),) = requests
    assert operation == b"com.microsoft:update-disposition"
    assert body["disposition-status"] == status
    # UUID objects: their AMQP type matters, text would not be recognised as a lock token.
    assert body["lock-tokens"]["VALUE"] == [token]
    for name, value in (details or {}).items():
        assert body[name] == value
