"""Every bad configuration is one sentence that names what to change."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.functions.app_settings import (
    apply_local_settings,
    expand,
    is_disabled,
    load_local_settings,
    resolve_connection,
)
from infra.local.functions.errors import ConfigurationError
from infra.local.functions.functions import HttpTrigger, ServiceBusTrigger, read_functions
from infra.local.functions.host_json import HostSettings, load_host_settings
from infra.local.functions.timespan import parse_timespan

BUS = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=k"


def host_json(folder: Path, **document: Any) -> HostSettings:
    path = folder / "host.json"
    path.write_text(json.dumps({"version": "2.0", **document}), encoding="utf-8")
    return load_host_settings(path)


def test_defaults_are_those_of_the_extension(tmp_path: Path) -> None:
    settings = host_json(tmp_path)

    assert settings.service_bus.max_message_batch_size == 1000
    assert settings.service_bus.auto_complete_messages
    assert settings.service_bus.max_auto_lock_renewal_duration == timedelta(minutes=5)
    assert settings.extensions.http.route_prefix == "api"
    assert settings.function_timeout == timedelta(minutes=30)


def test_settings_are_read_in_host_json_spelling(tmp_path: Path) -> None:
    settings = host_json(
        tmp_path,
        functionTimeout="-1",
        logging={"logLevel": {"default": "Warning"}},
        extensions={
            "serviceBus": {"maxMessageBatchSize": 100, "prefetchCount": 200},
            "durableTask": {"hubName": "not ours"},
        },
    )

    assert settings.function_timeout is None
    assert settings.log_level == "WARNING"
    assert settings.service_bus.max_message_batch_size == 100
    assert settings.service_bus.prefetch_count == 200


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"functionTimeOut": "00:05:00"}, "functionTimeOut: is not a setting"),
        ({"extensions": {"serviceBus": {"maxBatch": 1}}}, "serviceBus.maxBatch: is not a setting"),
        ({"extensions": {"serviceBus": {"prefetchCount": -1}}}, "prefetchCount"),
        ({"extensions": {"serviceBus": {"maxBatchWaitTime": "00:03:00"}}}, "00:02:30"),
        ({"extensions": {"serviceBus": {"minMessageBatchSize": 2000}}}, "minMessageBatchSize"),
        ({"functionTimeout": "five minutes"}, "hh:mm:ss"),
        ({"functionTimeout": "00:00:00"}, "longer than nothing"),
        ({"version": "1.0"}, "version"),
        ({"logging": {"logLevel": {"default": "Loud"}}}, "'Loud'"),
    ],
)
def test_host_json_with_a_mistake_names_it(
    tmp_path: Path, document: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        host_json(tmp_path, **document)

    assert "\n" not in str(caught.value)


def test_host_json_that_is_absent_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_host_settings(tmp_path / "host.json")
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_host_settings(tmp_path / "host.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.8", timedelta(seconds=0.8)),
        ("-00:00:00.0010000", timedelta(milliseconds=-1)),
    ],
)
def test_timespan_texts(text: str, expected: timedelta) -> None:
    assert parse_timespan(text) == expected


@pytest.mark.parametrize("text", ["", "5", "24:00:00", "00:61:00", "1:2"])
def test_text_that_is_no_timespan(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_timespan(text)


def settings_file(folder: Path, document: Any) -> Path:
    path = folder / "local.settings.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_real_environment_variables_win_over_the_file(tmp_path: Path) -> None:
    path = settings_file(tmp_path, {"IsEncrypted": False, "Values": {"A": "file", "B": "file"}})
    environ = {"A": "real"}

    apply_local_settings(path, environ)

    assert environ["A"] == "real"
    assert environ["B"] == "file"
    assert environ["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"Values": {}}, "encrypted"),
        ({"IsEncrypted": True, "Values": {}}, "encrypted"),
        ({"IsEncrypted": False, "Values": {"PORT": 1}}, "Values.PORT"),
        ({"IsEncrypted": False, "Values": []}, "flat object"),
        ([], "flat object"),
    ],
)
def test_settings_file_with_a_mistake_names_it(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_local_settings(settings_file(tmp_path, document))


def test_an_app_for_another_worker_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'node'"):
        apply_local_settings(None, {"FUNCTIONS_WORKER_RUNTIME": "node"})


def test_percent_names_come_from_settings() -> None:
    assert expand("sales-%STAGE%", {"STAGE": "dev"}, used_by="f") == "sales-dev"
    with pytest.raises(ConfigurationError, match="f needs the app setting 'STAGE'"):
        expand("%STAGE%", {}, used_by="f")


def test_connection_is_found_by_name_then_prefix_then_identity() -> None:
    def found(name: str, **settings: str) -> Any:
        return resolve_connection(name, settings, used_by="f")

    assert found("Bus", Bus=BUS).connection_string == BUS
    assert found("Bus", AzureWebJobsBus=BUS).connection_string == BUS
    assert found("", AzureWebJobsServiceBus=BUS).connection_string == BUS
    by_identity = found(
        "Bus",
        Bus__fullyQualifiedNamespace="ns.servicebus.windows.net",
        Bus__credential="managedidentity",
        Bus__clientId="id",
    )
    assert by_identity.fully_qualified_namespace == "ns.servicebus.windows.net"
    assert (by_identity.managed_identity, by_identity.client_id) == (True, "id")


def test_connection_that_is_missing_or_no_connection_string() -> None:
    with pytest.raises(ConfigurationError, match="set the app setting 'Bus'"):
        resolve_connection("Bus", {}, used_by="f")
    with pytest.raises(ConfigurationError, match="no Endpoint"):
        resolve_connection("Bus", {"Bus": "localhost:5672"}, used_by="f")


@pytest.mark.parametrize("name", ["AzureWebJobs.book.Disabled", "AzureWebJobs_book_Disabled"])
def test_function_can_be_disabled_by_setting(name: str) -> None:
    assert is_disabled("book", {name: "true"})
    assert not is_disabled("book", {name: "false"})
    assert not is_disabled("other", {name: "true"})


def metadata(*bindings: dict[str, Any], name: str = "book") -> list[Any]:
    raw = [json.dumps({"direction": "IN", "name": "x", **binding}) for binding in bindings]
    return [SimpleNamespace(name=name, function_id="1", raw_bindings=raw)]


def test_topic_trigger_is_read_with_its_settings() -> None:
    (function,) = read_functions(
        metadata(
            {
                "type": "serviceBusTrigger",
                "topicName": "%TOPIC%",
                "subscriptionName": "sales",
                "connection": "Bus",
                "cardinality": "MANY",
                "autoCompleteMessages": False,
                "properties": {"SupportsDeferredBinding": True},
            }
        ),
        {"Bus": BUS, "TOPIC": "sale-completed"},
    )

    trigger = function.trigger
    assert isinstance(trigger, ServiceBusTrigger)
    assert trigger.entity_path == "sale-completed/Subscriptions/sales"
    assert (trigger.many, trigger.deferred, trigger.auto_complete) == (True, True, False)


def test_http_trigger_defaults_to_its_function_name_and_any_method() -> None:
    (function,) = read_functions(metadata({"type": "httpTrigger"}), {})

    assert isinstance(function.trigger, HttpTrigger)
    assert function.trigger.route == "book"
    assert function.trigger.methods == frozenset()


_TOPIC = {"type": "serviceBusTrigger", "topicName": "t", "subscriptionName": "s"}


@pytest.mark.parametrize(
    ("bindings", "words"),
    [
        ([{"type": "blobTrigger"}], "'blobTrigger', which this host does not run"),
        ([{**_TOPIC, "connection": "Bus", "autoComplete": True}], "unknown option 'autoComplete'"),
        ([{**_TOPIC, "connection": "Elsewhere"}], "'Elsewhere'"),
        ([{**_TOPIC, "connection": "Bus", "queueName": "q"}], "must name a queue, or a topic"),
        ([{"type": "serviceBusTrigger", "topicName": "t", "connection": "Bus"}], "must name"),
        ([{**_TOPIC, "connection": "Bus", "isSessionsEnabled": True}], "sessions"),
        ([{"type": "http"}], "0 triggers instead of one"),
    ],
)
def test_binding_this_host_cannot_run_is_named(bindings: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_functions(metadata(*bindings), {"Bus": BUS})
