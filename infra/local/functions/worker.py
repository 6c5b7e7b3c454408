"""The real Functions worker, `azure_functions_runtime`, driven in this process.

It indexes the app and invokes its functions exactly as on Azure; what travels by gRPC there is
handed over as objects here. One worker per process: its registry is a module global.
"""

import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime.utils.threadpool import start_threadpool_executor

from infra.local.functions.errors import ConfigurationError, InvocationFailed
from infra.local.functions.protos import PROTOS, ParameterBinding, StatusResult, TypedData

_HOST = "127.0.0.1"
SCRIPT = "function_app.py"


@dataclass(frozen=True)
class InvocationResult:
    """What a function gave back: its `$return` value and its output bindings that were set."""

    return_value: TypedData | None
    outputs: Mapping[str, TypedData]


class Worker:
    """Indexes and invokes one app. Every coroutine runs on the loop the app's functions use."""

    def __init__(self, app: Path, *, settlement_port: int, max_message_bytes: int) -> None:
        self._app = app
        # ServiceBusMessageActions finds the settlement service in the worker's command line.
        self._arguments = [
            *("--host", _HOST, "--port", str(settlement_port)),
            *("--functions-grpc-max-message-length", str(max_message_bytes)),
        ]

    async def start(self) -> list[Any]:
        """Import and index the app; return its RpcFunctionMetadata in order of definition.

        Raises `ConfigurationError` with the worker's own explanation when the app is bad.
        """
        script = os.environ.get("PYTHON_SCRIPT_FILE_NAME", SCRIPT)
        if not (self._app / script).is_file():
            raise ConfigurationError(f"{self._app} has no {script}.")
        sys.argv = [sys.argv[0], *self._arguments]
        sys.path.insert(0, str(self._app))
        start_threadpool_executor()
        initialised = await runtime.worker_init_request(
            _request(
                worker_init_request=SimpleNamespace(
                    capabilities={}, function_app_directory=str(self._app)
                )
            )
        )
        _check_indexed(initialised)
        answer = await runtime.functions_metadata_request(_request())
        functions = list(answer.function_metadata_results or ())
        for function in functions:
            await runtime.function_load_request(
                _request(function_load_request=SimpleNamespace(function_id=function.function_id))
            )
        return functions

    async def invoke(
        self,
        function_id: str,
        argument: str,
        value: TypedData,
        trigger_metadata: Mapping[str, TypedData],
        trace_parent: str,
    ) -> InvocationResult:
        """Run one function to its end; raises `InvocationFailed` with what it raised."""
        answer = await runtime.invocation_request(
            _request(
                invocation_request=SimpleNamespace(
                    invocation_id=str(uuid.uuid4()),
                    function_id=function_id,
                    input_data=[ParameterBinding(name=argument, data=value)],
                    trigger_metadata=trigger_metadata,
                    trace_context=SimpleNamespace(
                        trace_parent=trace_parent, trace_state="", attributes={}
                    ),
                    # Retry policies do not exist for Service Bus triggers: always the first try.
                    retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
                )
            )
        )
        if answer.result.status != StatusResult.Success:
            error = answer.result.exception
            raise InvocationFailed(error.message, error.stack_trace)
        return InvocationResult(
            answer.return_value, {item.name: item.data for item in answer.output_data}
        )


def _request(**request: Any) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(**request), properties={"host": _HOST, "protos": PROTOS}
    )


def _check_indexed(answer: Any) -> None:
    if answer.result.status != StatusResult.Success:
        # The worker appends advice and all of sys.path to import errors; the cause comes first.
        cause = str(answer.result.exception.message).split(". Cannot find module")[0]
        raise ConfigurationError(f"The app cannot be indexed: {' '.join(cause.split())}")
    if "HttpUri" in answer.capabilities:
        raise ConfigurationError(
            "The app streams HTTP (azurefunctions-extensions-http-fastapi), "
            "which this host does not run."
        )
