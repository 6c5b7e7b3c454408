"""Fuzzing of what the local Service Bus reads from the network.

A short run with fixed seeds is part of the suite (tests/unit/servicebus_amqp/test_fuzz.py); a long
one is `python -m tests.fuzz.servicebus --minutes 10`, guided by coverage where atheris is
installed.
"""

NAMES = ("value", "message", "frames", "connection", "bus")
"""Of the targets; here, because the code must not be imported before it is instrumented."""
