"""Writes the AsyncAPI 3.0 document of the bus: every fact, its topic, and who reads it.

    python -m shared.asyncapi infra/topology.json infra/asyncapi.json

What a message looks like comes from the facts, who subscribes from the topology; a test fails when
the stored document, the facts and the topology disagree.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.bus.topology import BACKFILL_SUFFIX, InvalidTopology, Topology
from shared.events import (
    BACKFILL,
    CONTENT_TYPE,
    FACTS,
    DocumentPosted,
    DocumentRejected,
    Fact,
    OrderStatusChanged,
    ReversalOrdered,
)

PUBLISHED_BY_TILLBUS: tuple[type[Fact], ...] = (
    DocumentPosted,
    DocumentRejected,
    OrderStatusChanged,
    ReversalOrdered,
)
"""What services and operators publish; everything else comes from tills and shops."""

Json = dict[str, Any]

_INFO: Json = {
    "title": "Tillbus",
    "version": "1.0.0",
    "description": (
        "Business facts of tills and web shops on Azure Service Bus. A message is a CloudEvents 1.0"
        " event in structured JSON; its id, the Service Bus message id, follows from type, natural"
        " key and revision. Fields marked x-personal say something about a person."
    ),
    "license": {"name": "MIT"},
}
_SERVERS: Json = {
    "servicebus": {
        "host": "{namespace}.servicebus.windows.net",
        "protocol": "amqps",
        "protocolVersion": "1.0",
        "description": "Azure Service Bus; topics need a sender's right on the namespace or topic.",
        "variables": {"namespace": {"description": "Name of the Service Bus namespace."}},
    }
}
_ENVELOPE: Json = {
    "title": "CloudEvent",
    "description": "CloudEvents 1.0, structured JSON; unknown attributes are tolerated.",
    "type": "object",
    "required": ["specversion", "id", "type", "source", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "UUIDv5 of type without version, natural key and revision.",
        },
        "type": {"type": "string", "description": "com.tillbus.<fact>.v<version>."},
        "source": {
            "type": "string",
            "maxLength": 256,
            "description": "Who published it: a URI reference such as /tills/gbrt/LONDON.",
        },
        "subject": {"type": "string", "description": "The fact's natural key."},
        "time": {"type": "string", "format": "date-time", "description": "When it was published."},
        "datacontenttype": {"const": "application/json"},
        "traceparent": {"type": "string", "description": "W3C trace context of the publisher."},
        "lane": {
            "const": BACKFILL,
            "description": "Set on what is uploaded after the event, so that it does not hold up"
            " what happens now.",
        },
        "data": {"type": "object", "description": "The fact."},
    },
}
_PROPERTIES: Json = {
    "title": "ApplicationProperties",
    "description": "Application properties of the Service Bus message, which rules filter on.",
    "type": "object",
    "required": ["type", "source", "subject"],
    "properties": {
        name: {"type": "string", "description": words}
        for name, words in {
            "type": "The event's type.",
            "source": "The event's source.",
            "subject": "The event's subject.",
            "company": "Legal entity, where the fact belongs to a store.",
            "store": "Store number, where the fact belongs to a store.",
            "lane": f"{BACKFILL} for what is uploaded after the event; absent otherwise.",
        }.items()
    },
}


def document(topology: Topology) -> Json:
    """Return the AsyncAPI document; facts without a topic of their own are not in it."""
    facts = {model.TOPIC: model for model in FACTS.values() if model.TOPIC in topology.topics}
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": CONTENT_TYPE,
        "servers": _SERVERS,
        "channels": {topic: _channel(model) for topic, model in facts.items()},
        "operations": {
            name: operation
            for topic, model in facts.items()
            for name, operation in _operations(model, topology.topics[topic]).items()
        },
        "components": {
            "messages": {model.__name__: _message(model) for model in facts.values()},
            "schemas": {
                "CloudEvent": _ENVELOPE,
                "ApplicationProperties": _PROPERTIES,
                **_schemas(facts.values()),
            },
        },
    }


def text(topology: Topology) -> str:
    """Return what the stored file contains."""
    return json.dumps(document(topology), indent=2, ensure_ascii=False) + "\n"


def _channel(model: type[Fact]) -> Json:
    return {
        "address": model.TOPIC,
        "description": _summary(model),
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}},
    }


def _operations(model: type[Fact], subscriptions: Mapping[str, Any]) -> Mapping[str, Json]:
    """Return what Tillbus does with the topic: a receive per subscription, a send if it is ours."""
    channel = {"$ref": f"#/channels/{model.TOPIC}"}
    operations: dict[str, Json] = {}
    if model in PUBLISHED_BY_TILLBUS:
        operations[f"publish-{model.TOPIC}"] = {
            "action": "send",
            "channel": channel,
            "title": f"Tillbus publishes {model.TOPIC}",
        }
    for name in subscriptions:
        service = service_of(name)
        late = ", what comes late" if name != service else ""
        operations[f"{name}-{model.TOPIC}"] = {
            "action": "receive",
            "channel": channel,
            "title": f"{service} reads {model.TOPIC}{late}",
            "tags": [{"name": service}],
            "x-subscription": name,
        }
    return operations


def service_of(subscription: str) -> str:
    """Return the service that reads a subscription."""
    return subscription.removesuffix(BACKFILL_SUFFIX)


def _message(model: type[Fact]) -> Json:
    return {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": _summary(model),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/ApplicationProperties"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {
                    "properties": {
                        "type": {"const": model.TYPE},
                        "data": {"$ref": f"#/components/schemas/{model.__name__}"},
                    }
                },
            ]
        },
    }


def _schemas(models: Iterable[type[Fact]]) -> Json:
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    definitions: Json = schemas["$defs"]
    return definitions


def _summary(model: type[Fact]) -> str:
    return (inspect.getdoc(model) or "").partition("\n")[0]


def main(arguments: Sequence[str]) -> int:
    """Write the document; exit code 2 when that is not possible."""
    if len(arguments) != 2:
        print("usage: python -m shared.asyncapi TOPOLOGY FILE", file=sys.stderr)
        return 2
    topology, file = map(Path, arguments)
    try:
        file.write_text(text(Topology.load(topology)), encoding="utf-8")
    except (OSError, InvalidTopology) as error:
        print(f"cannot write the document: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
