"""Where a running platform listens, kept in a file so that other commands find it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "platform.json"


class NotRunning(Exception):
    """No platform runs over this data folder."""


@dataclass(frozen=True)
class Addresses:
    """Addresses of one running platform; URLs have no slash at their end."""

    amqp: str
    bus_admin: str
    dynamics: str
    identity: str
    identity_ca: str
    appinsights: str
    functions: str

    @property
    def servicebus_connection_string(self) -> str:
        """Connection string in development mode, as for the official emulator."""
        return (
            f"Endpoint=sb://{self.amqp};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    def write(self, data: Path) -> None:
        """Leave the addresses where `read_addresses` finds them."""
        (data / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n")


def read_addresses(data: Path) -> Addresses:
    """Return the addresses of the platform that runs over `data`.

    Raises `NotRunning`, in a sentence for the person at the command line.
    """
    try:
        return Addresses(**json.loads((data / FILE).read_text()))
    except FileNotFoundError as error:
        raise NotRunning(
            f"no local platform runs over {data}; start one with `tillbus up`"
        ) from error
    except (ValueError, TypeError) as error:
        raise NotRunning(
            f"{data / FILE} is damaged ({error}); stop and start `tillbus up`"
        ) from error
