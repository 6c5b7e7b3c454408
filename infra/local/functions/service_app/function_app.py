"""The app of one service: what its Function App on Azure would index, and nothing else.

`--service NAME` points the worker here; TILLBUS_SERVICE says which service it is.
"""

import importlib
import os

import azure.functions as func

_module = importlib.import_module(f"services.{os.environ['TILLBUS_SERVICE']}.function_app")
_found = [value for value in vars(_module).values() if isinstance(value, func.FunctionApp)]

app = _found[0] if _found else func.FunctionApp()
if not _found:
    for _value in vars(_module).values():
        if isinstance(_value, func.Blueprint):
            app.register_functions(_value)
