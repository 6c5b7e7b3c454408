"""Custom services: what OData creates but cannot post, invoice or cancel.

`POST /api/services/<group>/<service>/<operation>`, JSON keyed by parameter name. Finance &
Operations ships none for our purpose; custom_services.md is the contract for one. Which operation
is where is a setting, and what is not set is not called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.dynamics.odata.errors import SetUpWrong
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.odata.requests import to_json
from shared.dynamics.odata.responses import json_object
from shared.dynamics.service import Service

POST = "post"
CANCEL = "cancel"
INVOICE = "invoice"
BALANCE = "balance"
STATEMENT = "statement"
OPERATIONS = (POST, CANCEL, INVOICE, BALANCE, STATEMENT)

_REFUSED = 400


class CustomServices:
    """`table`: operation -> `<group>/<service>/<operation>`."""

    def __init__(self, service: Service, base_url: str, table: Mapping[str, str]) -> None:
        self._service = service
        self._base_url = base_url
        self._table = table

    def has(self, operation: str) -> bool:
        return operation in self._table

    async def call(
        self, operation: str, *, document: str, company: str, number: str
    ) -> Mapping[str, Any]:
        """Carry the operation out on one document; `document` is the entity set of its header.

        Raises DynamicsError when it certainly was not carried out, Uncertain when nobody knows.
        """
        path = self._table.get(operation)
        if path is None:
            raise SetUpWrong(
                f"No custom service is set for '{operation}'; add it to DYNAMICS_CUSTOM_SERVICES."
            )
        body = to_json({"document": document, "company": company, "number": number})
        url = f"{self._base_url}/api/services/{path}"
        answer = json_object(await self._service.write(Operation("POST", url, body)))
        if not answer.get("Success"):
            # Said in the words of the Infolog, and so judged by the same rules.
            message = str(answer.get("Message") or f"{operation} of {number} was refused.")
            text = json.dumps({"error": {"message": message}})
            raise self._service.error(Response(_REFUSED, {}, text.encode()))
        return answer
