"""A received message as AMQP bytes again, for the deferred binding that decodes it itself."""

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp._encode import encode_payload


def encode_received(message: ServiceBusReceivedMessage) -> bytes:
    """Return the message's sections as the broker sent them."""
    encoded = bytearray()
    encode_payload(encoded, message._message)
    return bytes(encoded)
