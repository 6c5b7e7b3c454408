"""Drive `azure_functions_runtime` over one unpacked package; run by a bare interpreter.

    drive_worker.py APP WORKER_SITE SETTLEMENT_PORT SERVICE BUS_CONNECTION_STRING

Prints one JSON line with the names of the functions and of the services that were imported. For the
sales service it also hands one invalid message to `book_sales`, which must settle it through the
platform's settlement service.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from types import SimpleNamespace
from typing import Any

APP, WORKER_SITE, PORT, SERVICE, BUS = sys.argv[1:6]

# What Azure's platform does: the app's folder and its packages first, then the worker's.
sys.path[:0] = [APP, f"{APP}/.python_packages/lib/site-packages"]
sys.path.append(WORKER_SITE)
os.chdir(APP)
sys.argv = ["worker", "--host", "127.0.0.1", "--port", PORT]
sys.argv += ["--functions-grpc-max-message-length", "1000000"]
os.environ |= {
    "ServiceBusConnection": BUS,
    "STORE_URL": f"sqlite+aiosqlite:///{APP}/store.sqlite",
    "COMPANIES": json.dumps({"gbrt": {"currencies": ["GBP"]}}),
    "DYNAMICS_URL": "http://127.0.0.1:1",  # never reached: an invalid message needs no Dynamics
    "DYNAMICS_TENANT_ID": str(uuid.UUID(int=1)),
    "DYNAMICS_CLIENT_ID": str(uuid.UUID(int=2)),
    "DYNAMICS_CLIENT_SECRET": "unused",
}


class _Message(SimpleNamespace):
    """A protobuf message as far as the worker looks at one: keywords become fields."""

    def __getattr__(self, name: str) -> Any:
        if name[0].isupper():  # the worker tells messages from modules of messages by this
            raise AttributeError(name)
        return None

    def WhichOneof(self, _group: str) -> str | None:
        return next(iter(vars(self)), None) if "name" not in vars(self) else "data"


class _Protos:
    StatusResult = type("StatusResult", (_Message,), {"Success": 1, "Failure": 0})
    BindingInfo = type(
        "BindingInfo",
        (_Message,),
        {
            "in": 0,
            "out": 1,
            "inout": 2,
            "undefined": 0,
            "string": 1,
            "binary": 2,
            "stream": 3,
        },
    )

    def __getattr__(self, name: str) -> type[_Message]:
        return type(name, (_Message,), {})


PROTOS = _Protos()


def _request(**fields: Any) -> Any:
    return SimpleNamespace(
        request=SimpleNamespace(**fields), properties={"host": "127.0.0.1", "protos": PROTOS}
    )


def _check(answer: Any) -> None:
    if answer.result.status != 1:
        sys.exit(f"the worker refused: {answer.result.exception.message}")


def _invalid_message() -> Any:
    import uamqp

    message = uamqp.Message(b"{this is no JSON", properties=uamqp.message.MessageProperties("m1"))
    content = uuid.uuid4().bytes_le + b"x-opt-lock-token" + message.encode_message()
    model = _Message(
        version="1.0",
        source="AzureServiceBusReceivedMessage",
        content_type="application/octet-stream",
        content=content,
    )
    return _Message(collection_model_binding_data=_Message(model_binding_data=[model]))


async def _main() -> None:
    import azure_functions_runtime as runtime
    from azure_functions_runtime.utils.threadpool import start_threadpool_executor

    start_threadpool_executor()
    init = SimpleNamespace(capabilities={}, function_app_directory=APP)
    _check(await runtime.worker_init_request(_request(worker_init_request=init)))
    answer = await runtime.functions_metadata_request(_request())
    ids = {each.name: each.function_id for each in answer.function_metadata_results}
    if SERVICE == "sales":
        load = SimpleNamespace(function_id=ids["book_sales"])
        await runtime.function_load_request(_request(function_load_request=load))
        _check(
            await runtime.invocation_request(
                _request(
                    invocation_request=SimpleNamespace(
                        invocation_id="1",
                        function_id=ids["book_sales"],
                        input_data=[_Message(name="messages", data=_invalid_message())],
                        trigger_metadata={},
                        trace_context=SimpleNamespace(
                            trace_parent="", trace_state="", attributes={}
                        ),
                        retry_context=SimpleNamespace(
                            retry_count=0, max_retry_count=0, exception=None
                        ),
                    )
                )
            )
        )
    loaded = sorted(
        {".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("services")}
    )
    print(json.dumps({"functions": sorted(ids), "services": loaded}), flush=True)


asyncio.run(_main())
os._exit(0)  # the app keeps connections and exporters open, as it would on Azure
