"""The HTTP pages of the authority, and the managed-identity endpoint of an App Service.

Source: Microsoft identity platform, OAuth 2.0 client credentials flow and OpenID discovery; App
Service, REST endpoint for managed identities (api-version 2019-08-01). AADSTS numbers are the real
ones, the sentences are ours.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts

from .federation import is_federated, verify_federated
from .registration import NotRegistered, Registration, verify_assertion
from .tokens import TOKEN_LIFE, TokenAuthority

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAX_FORM = 64 * 1024
_DEFAULT_SCOPE = "/.default"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Refused(Exception):
    """An OAuth error answer."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code = status, error, code


@dataclass(frozen=True, slots=True)
class IdentityService:
    registration: Registration
    certificates: Path
    """Directory of the registered certificates, `*.pem`."""
    tokens: TokenAuthority
    counts: Counts
    clock: Callable[[], datetime]

    def identity_routes(self) -> list[BaseRoute]:
        """Served over HTTPS on the identity port."""
        return [
            Route("/common/discovery/instance", self._instance, methods=["GET"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._openid, methods=["GET"]),
            Route("/{tenant}/discovery/v2.0/keys", self._keys, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
        ]

    def api_routes(self) -> list[BaseRoute]:
        """Served over HTTP on the API port."""
        return [Route("/msi/token", self._managed_identity, methods=["GET"])]

    async def _instance(self, request: Request) -> Response:
        host = request.url.netloc
        tenant = self.registration.tenant_id
        endpoint = f"https://{host}/{tenant}/v2.0/.well-known/openid-configuration"
        return JSONResponse(
            {
                "tenant_discovery_endpoint": endpoint,
                "api-version": "1.1",
                "metadata": [
                    {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
                ],
            }
        )

    async def _openid(self, request: Request) -> Response:
        base = f"https://{request.url.netloc}/{request.path_params['tenant']}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(self.tokens.key_set)

    async def _token(self, request: Request) -> Response:
        self.counts.add("token")
        try:
            form = await _form(request)
            self._check_client(request, form)
            audience = _audience(form)
        except Refused as refused:
            return self._refusal(refused)
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": int(TOKEN_LIFE.total_seconds()),
                "ext_expires_in": int(TOKEN_LIFE.total_seconds()),
                "access_token": self.tokens.issue(self.registration.client_id, audience),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _check_client(self, request: Request, form: dict[str, str]) -> None:
        tenant = request.path_params["tenant"]
        if tenant != self.registration.tenant_id:
            raise Refused(400, "invalid_request", 90002, f"There is no tenant '{tenant}'.")
        if _required(form, "grant_type") != "client_credentials":
            raise Refused(400, "unsupported_grant_type", 70003, "Only client_credentials is here.")
        client = _required(form, "client_id")
        if client != self.registration.client_id:
            raise Refused(
                400, "unauthorized_client", 700016, f"There is no application '{client}'."
            )
        if "client_assertion" in form:
            self._check_assertion(request, form)
        elif not self.registration.knows_secret(_required(form, "client_secret")):
            raise Refused(401, "invalid_client", 7000215, "The client secret is wrong.")

    def _check_assertion(self, request: Request, form: dict[str, str]) -> None:
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise Refused(400, "invalid_request", 900144, "client_assertion_type is not jwt-bearer")
        assertion, known = form["client_assertion"], (self.registration, self.certificates)
        try:
            if is_federated(assertion):
                verify_federated(assertion, *known, self.clock)
            else:
                verify_assertion(assertion, *known, request.url.path, self.clock)
        except NotRegistered as error:
            raise Refused(401, "invalid_client", error.code, str(error)) from error

    def _refusal(self, refused: Refused) -> Response:
        trace = str(uuid.uuid4())
        now = self.clock()
        body = {
            "error": refused.error,
            "error_description": f"AADSTS{refused.code}: {refused} Trace ID: {trace} "
            f"Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
            "error_codes": [refused.code],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": trace,
            "correlation_id": str(uuid.uuid4()),
        }
        return JSONResponse(body, refused.status)

    async def _managed_identity(self, request: Request) -> Response:
        self.counts.add("token")
        if request.headers.get("x-identity-header") != self.registration.identity_header:
            return JSONResponse({"statusCode": 401, "message": "X-IDENTITY-HEADER is wrong."}, 401)
        resource = request.query_params.get("resource", "")
        if not _is_resource(resource):
            return JSONResponse({"statusCode": 400, "message": "resource must be a URL."}, 400)
        client = request.query_params.get("client_id", self.registration.client_id)
        expires = self.clock() + TOKEN_LIFE
        return JSONResponse(
            {
                "access_token": self.tokens.issue(client, resource),
                "expires_on": str(int(expires.timestamp())),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client,
            }
        )


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM:
            raise Refused(400, "invalid_request", 90013, "The request is too large.")
    try:
        return {name: values[-1] for name, values in parse_qs(body.decode("ascii")).items()}
    except ValueError as error:
        raise Refused(400, "invalid_request", 90013, "The body is not a form.") from error


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise Refused(400, "invalid_request", 900144, f"The parameter '{name}' is missing.")
    return form[name]


def _audience(form: dict[str, str]) -> str:
    """The resource of the one scope asked for, `<resource>/.default`; MSAL adds OIDC scopes."""
    scopes = [scope for scope in _required(form, "scope").split() if "/" in scope]
    if len(scopes) != 1 or not scopes[0].endswith(_DEFAULT_SCOPE):
        raise Refused(400, "invalid_scope", 1002012, "The scope must be '<resource>/.default'.")
    audience = scopes[0].removesuffix(_DEFAULT_SCOPE)
    if not _is_resource(audience):
        raise Refused(400, "invalid_resource", 500011, f"There is no resource '{audience}'.")
    return audience


def _is_resource(resource: str) -> bool:
    """Whether it names one: by its URL or, as some of Microsoft's own, by its application id."""
    return resource.startswith(("http://", "https://")) or _GUID.fullmatch(resource) is not None
