"""The second token endpoint: an Entra token is exchanged for one of the security service.

The address everybody knows answers 307 with the region's own in `Location` (Microsoft, "Inventory
Visibility public APIs", Authentication). Error bodies are guessed ([U]).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority

from .configuration import ENVIRONMENT_ID

BASE_PATH = "/securityservice"
ENTRA_AUDIENCE = "0cdb527f-a8d1-4bf8-9436-b352c68682b2"
AUDIENCE = "https://inventoryservice.operations365.dynamics.com"

_EXPECTED = {
    "grant_type": "client_credentials",
    "client_assertion_type": "aad_app",
    "scope": f"{AUDIENCE}/.default",
    "context": ENVIRONMENT_ID,
    "context_type": "finops-env",
}
_LIFE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class SecurityService:
    tokens: TokenAuthority
    counts: Counts

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE_PATH}/token", self._elsewhere, methods=["POST"]),
            Route(f"{BASE_PATH}/il101/token", self._token, methods=["POST"]),
        ]

    async def _elsewhere(self, request: Request) -> Response:
        location = f"{str(request.base_url).rstrip('/')}{BASE_PATH}/il101/token"
        return Response(status_code=307, headers={"Location": location})

    async def _token(self, request: Request) -> Response:
        self.counts.add("security-token")
        try:
            asked = json.loads(await request.body())
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return _refusal(400, "invalid_request", "The body is not a JSON object.")
        for name, expected in _EXPECTED.items():
            if asked.get(name) != expected:
                return _refusal(400, "invalid_request", f"'{name}' must be '{expected}'.")
        try:
            assertion = asked.get("client_assertion", "")
            self.tokens.verify(f"Bearer {assertion}", ENTRA_AUDIENCE)
        except InvalidToken as error:
            return _refusal(401, "invalid_client", str(error))
        token = self.tokens.issue(ENTRA_AUDIENCE, AUDIENCE)
        return JSONResponse(
            {"access_token": token, "token_type": "bearer", "expires_in": _LIFE_SECONDS}
        )


def _refusal(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)
