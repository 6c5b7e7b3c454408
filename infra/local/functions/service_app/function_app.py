"""The app of one service: what its Function App on Azure would index, and nothing else.

`--service NAME` points the worker here; TILLBUS_SERVICE says which service it is. A service's
`function_app` module holds a blueprint named `app`, as the root function_app.py has it too.
"""

import importlib
import os

import azure.functions as func

app = func.FunctionApp()
app.register_functions(
    importlib.import_module(f"services.{os.environ['TILLBUS_SERVICE']}.function_app").app
)
