"""A function that blocks its loop for longer than host.json allows any to run, and one that says
that the host has started."""

import time

import azure.functions as func

app = func.FunctionApp()


@app.route("endless", auth_level=func.AuthLevel.ANONYMOUS)
async def endless(req: func.HttpRequest) -> str:
    time.sleep(60)  # noqa: ASYNC251 - an app that blocks its loop is what this one is
    return "never"


@app.timer_trigger("timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def sweep(timer: func.TimerRequest) -> None:
    print("seen sweep", flush=True)
