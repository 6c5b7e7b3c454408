"""HTTP and timer functions; what they saw is printed as `seen <json>`."""

import asyncio
import json

import azure.functions as func

app = func.FunctionApp()


@app.route("greet/{name}", methods=["GET", "POST"], auth_level=func.AuthLevel.FUNCTION)
async def greet(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    answer = {
        "name": req.route_params["name"],
        "query": dict(req.params),
        "body": req.get_body().decode(),
        "trace": context.trace_context.trace_parent,
        "function": context.function_name,
    }
    response = func.HttpResponse(json.dumps(answer), status_code=201)
    response.headers.add("Set-Cookie", "till=4; Path=/; HttpOnly")
    return response


@app.route("text", auth_level=func.AuthLevel.ANONYMOUS)
def text(req: func.HttpRequest) -> str:
    return f"{req.method} is fine"


@app.route("broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> str:
    raise ValueError("broken on purpose")


@app.route("slow", auth_level=func.AuthLevel.ANONYMOUS)
async def slow(req: func.HttpRequest) -> str:
    print("seen slow", flush=True)
    await asyncio.sleep(1)
    return "finished"


@app.timer_trigger("timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def sweep(timer: func.TimerRequest) -> None:
    print("seen sweep", json.dumps({"past_due": timer.past_due}), flush=True)
