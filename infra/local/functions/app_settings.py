"""App settings: local.settings.json under the environment, and what bindings look up in them."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.functions.errors import ConfigurationError

_DEFAULT_CONNECTION = "AzureWebJobsServiceBus"
_SETTING = re.compile(r"%([^%]+)%")


def load_local_settings(path: Path) -> dict[str, str]:
    """Return `Values` of a local.settings.json; `ConfigurationError` when it cannot be used.

    A missing `IsEncrypted` counts as true, as in Core Tools.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("Values", {}), dict):
        raise ConfigurationError(f"{path} must be an object with a flat object named Values.")
    if document.get("IsEncrypted", True) is not False:
        raise ConfigurationError(
            f"{path} counts as encrypted: write the plain values and set IsEncrypted to false."
        )
    values = document.get("Values", {})
    for name, value in values.items():
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{path}: Values.{name} must be text, quoted even if a number."
            )
    return dict(values)


def apply_local_settings(
    path: Path | None, environ: MutableMapping[str, str] | None = None
) -> None:
    """Put the file's values into the environment, where real variables win over the file."""
    target = os.environ if environ is None else environ
    for name, value in ({} if path is None else load_local_settings(path)).items():
        target.setdefault(name, value)
    target.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    target.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    if target["FUNCTIONS_WORKER_RUNTIME"] != "python":
        raise ConfigurationError(
            f"FUNCTIONS_WORKER_RUNTIME is {target['FUNCTIONS_WORKER_RUNTIME']!r}: "
            "this host runs python apps only."
        )


def expand(text: str, settings: Mapping[str, str], *, used_by: str) -> str:
    """Replace every `%NAME%` by that setting; `ConfigurationError` when one is missing."""

    def value_of(match: re.Match[str]) -> str:
        try:
            return settings[match[1]]
        except KeyError:
            raise ConfigurationError(
                f"{used_by} needs the app setting {match[1]!r}, which is not set."
            ) from None

    return _SETTING.sub(value_of, text)


@dataclass(frozen=True)
class Connection:
    """How to reach one namespace: a connection string, or its host name and an identity."""

    connection_string: str | None = None
    fully_qualified_namespace: str | None = None
    managed_identity: bool = False
    client_id: str | None = None


def resolve_connection(name: str, settings: Mapping[str, str], *, used_by: str) -> Connection:
    """Return the connection a binding names: the setting itself, or its `__` prefixed parts.

    An exact name wins, then `AzureWebJobs<name>`; an empty name means `AzureWebJobsServiceBus`
    (Functions: connections in a triggers' reference).
    """
    candidates = (name, f"AzureWebJobs{name}") if name else (_DEFAULT_CONNECTION,)
    for candidate in candidates:
        if value := settings.get(candidate):
            if "endpoint=" not in value.lower():
                raise ConfigurationError(
                    f"{used_by}: the app setting {candidate!r} is not a Service Bus "
                    "connection string (it has no Endpoint)."
                )
            return Connection(connection_string=value)
    for candidate in candidates:
        if namespace := settings.get(f"{candidate}__fullyQualifiedNamespace"):
            return Connection(
                fully_qualified_namespace=namespace,
                managed_identity=settings.get(f"{candidate}__credential") == "managedidentity",
                client_id=settings.get(f"{candidate}__clientId"),
            )
    raise ConfigurationError(
        f"{used_by} needs a connection: set the app setting {candidates[0]!r} (a connection "
        f"string) or {candidates[0] + '__fullyQualifiedNamespace'!r}."
    )


def is_disabled(function: str, settings: Mapping[str, str]) -> bool:
    """Whether `AzureWebJobs.<name>.Disabled` (or its Linux spelling with `_`) switches it off."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(settings.get(name, "").lower() in ("true", "1") for name in names)
