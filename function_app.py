"""The Function App: every service that is here. All of them in a clone, one in a deployed package.

The Functions host indexes `app`. Services are the packages below `services` that have a
`function_app` module with a blueprint named `app`; their order is that of their names.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec

import azure.functions as func

import services

app = func.FunctionApp()

for package in sorted(module.name for module in pkgutil.iter_modules(services.__path__)):
    name = f"services.{package}.function_app"
    if find_spec(name):
        app.register_functions(import_module(name).app)
