"""HTTP triggers driven through the ASGI application."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from infra.local.functions.errors import ConfigurationError, InvocationFailed
from infra.local.functions.functions import Function, HttpTrigger
from infra.local.functions.protos import TypedData
from infra.local.functions.routes import compile_route
from infra.local.functions.triggers.http import HttpApp, Keys, load_keys
from infra.local.functions.worker import InvocationResult
from tests.unit.functions.fakes import TRACE

GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"


def answer(body: bytes = b"ok", status: int = 200, **headers: str) -> TypedData:
    return TypedData(
        http=SimpleNamespace(
            status_code=str(status), headers=headers, cookies=None, body=TypedData(bytes=body)
        )
    )


class Recorder:
    """Stands in for the invoker: keeps the request, gives the answer it was told."""

    def __init__(self, result: TypedData | Exception | None) -> None:
        self.result = result
        self.function = self.trace_parent = ""
        self.request: Any = None

    async def invoke(
        self, function: Function, value: TypedData, _m: Mapping[str, TypedData], trace_parent: str
    ) -> InvocationResult:
        self.function, self.trace_parent = function.name, trace_parent
        self.request = value.http  # type: ignore[attr-defined]
        if isinstance(self.result, Exception):
            raise self.result
        return InvocationResult(self.result, {})


def client(
    recorder: Recorder, *triggers: tuple[str, HttpTrigger], keys: Keys | None = None
) -> httpx.AsyncClient:
    async def status(_request: Request) -> Response:
        return Response(b"fine")

    app = HttpApp(
        [Function(name, name, trigger) for name, trigger in triggers],
        recorder,  # type: ignore[arg-type]
        route_prefix="api",
        keys=keys,
        admin={("GET", "/admin/host/status"): status},
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host")


def http(route: str, *methods: str, auth_level: str = "anonymous") -> HttpTrigger:
    return HttpTrigger("req", route, frozenset(methods), auth_level)


async def test_request_arrives_as_on_azure() -> None:
    recorder = Recorder(answer())
    async with client(recorder, ("certificate", http("certificates/{company}/{day}"))) as web:
        await web.post(
            "/api/certificates/usrt/2026-01-02?empty=&a=b",
            content=b"body",
            headers={"X-Till": "4", "traceparent": TRACE},
        )

    request = recorder.request
    assert request.method == "POST"
    assert request.url == "http://host/api/certificates/usrt/2026-01-02?empty=&a=b"
    assert request.params == {"company": "usrt", "day": "2026-01-02"}
    assert request.query == {"a": "b"}
    assert request.headers["x-till"] == "4"
    assert request.body.bytes == b"body"
    assert recorder.trace_parent == TRACE


async def test_answer_goes_back_with_status_headers_and_body() -> None:
    async with client(Recorder(answer(b"made", 201, etag="1")), ("f", http("f"))) as web:
        response = await web.get("/api/f")

    assert (response.status_code, response.content, response.headers["etag"]) == (201, b"made", "1")


async def test_function_without_an_answer_is_no_content() -> None:
    async with client(Recorder(None), ("f", http("f"))) as web:
        assert (await web.get("/api/f")).status_code == 204


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/none"), ("POST", "/api/f"), ("GET", "/f"), ("GET", "/admin/x")],
)
async def test_unknown_path_or_method_is_a_not_found_problem(method: str, path: str) -> None:
    async with client(Recorder(answer()), ("f", http("f", "GET"))) as web:
        response = await web.request(method, path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404


async def test_failed_function_is_an_error_problem_that_tells_no_secret() -> None:
    recorder = Recorder(InvocationFailed("ValueError: password=hunter2"))
    async with client(recorder, ("f", http("f"))) as web:
        response = await web.get("/api/f")

    assert response.status_code == 500
    assert "hunter2" not in response.text


async def test_failure_of_the_host_itself_is_an_error_problem() -> None:
    async with client(Recorder(RuntimeError("ours")), ("f", http("f"))) as web:
        assert (await web.get("/api/f")).status_code == 500


async def test_the_most_literal_route_wins() -> None:
    recorder = Recorder(answer())
    triggers = (("any", http("{*rest}")), ("one", http("a/{id}")), ("literal", http("a/b")))
    async with client(recorder, *triggers) as web:
        names = []
        for path in ("/api/a/b", "/api/a/c", "/api/x/y/z"):
            await web.get(path)
            names.append(recorder.function)

    assert names == ["literal", "one", "any"]


@pytest.mark.parametrize(
    ("level", "key", "expected"),
    [
        ("anonymous", None, 200),
        ("function", None, 401),
        ("function", "wrong", 401),
        ("function", "host-key", 200),
        ("function", "own-key", 200),
        ("function", "master-key", 200),
        ("admin", "host-key", 401),
        ("admin", "master-key", 200),
    ],
)
async def test_keys_open_what_their_level_allows(
    level: str, key: str | None, expected: int
) -> None:
    keys = Keys("master-key", {"default": "host-key", "f": "own-key"})
    headers = {} if key is None else {"x-functions-key": key}
    async with client(Recorder(answer()), ("f", http("f", auth_level=level)), keys=keys) as web:
        assert (await web.get("/api/f", headers=headers)).status_code == expected
        query = {} if key is None else {"code": key}
        assert (await web.get("/api/f", params=query)).status_code == expected


async def test_admin_endpoints_need_the_master_key_when_keys_are_checked() -> None:
    keys = Keys("master-key")
    async with client(Recorder(answer()), keys=keys) as web:
        assert (await web.get("/admin/host/status")).status_code == 401
        opened = await web.get("/admin/host/status", headers={"x-functions-key": "master-key"})
        assert opened.content == b"fine"


def test_keys_file_with_a_mistake_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"functions": {}}))
    with pytest.raises(ConfigurationError, match=r"keys\.json cannot be read"):
        load_keys(path)


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/x", "API/X", {}),
        ("api/{id:int}", "api/42", {"id": "42"}),
        ("api/{id:int}", "api/x", None),
        ("api/{id?}", "api", {}),
        ("api/{id?}", "api/7", {"id": "7"}),
        ("api/{id=9}", "api", {"id": "9"}),
        ("api/{*path}", "api/a/b", {"path": "a/b"}),
        ("api/{a}-{b}", "api/1-2", {"a": "1", "b": "2"}),
        ("api/{id}", "api/a/b", None),
        ("api/{id:guid}", f"api/{GUID}", {"id": GUID}),
    ],
)
def test_route_templates(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert compile_route(template).match(path) == expected


@pytest.mark.parametrize("template", ["{id:regex(a)}", "{id:range(1,2)}", "{id", "a}b"])
def test_route_template_that_cannot_be_read_is_named(template: str) -> None:
    with pytest.raises(ConfigurationError, match="Route"):
        compile_route(template)
