"""Sign-in: an azure-identity credential for the settings, and its token on every httpx request.

azure-identity keeps the token, hands it out until it expires and renews it five minutes ahead. What
it cannot do is forget a token that Dynamics no longer accepts; a new credential does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

import httpx

from shared.dynamics.odata.errors import SetUpWrong, TryLater
from shared.dynamics.settings import ConnectionSettings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_IDENTITY_BUSY = (408, 429, *range(500, 600))


def credential(settings: ConnectionSettings) -> AsyncTokenCredential:
    """Return the credential the settings describe: secret, certificate, workload identity or
    managed identity.

    Raises SetUpWrong naming the setting that is missing. Signs in nowhere yet.
    """
    from azure.identity.aio import (
        CertificateCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
        WorkloadIdentityCredential,
    )

    named = (settings.client_secret, settings.certificate_path, settings.federated_token_file)
    if not any(named):
        return ManagedIdentityCredential(client_id=settings.client_id or None)
    for name in ("tenant_id", "client_id"):
        if not getattr(settings, name):
            raise SetUpWrong(f"{settings.variable(name)} is needed to sign in as an application.")
    # Our own delayed retry waits without holding message locks; azure-identity's would hold them.
    options: dict[str, Any] = {"retry_total": 1}
    if settings.authority:
        # Instance discovery asks Microsoft's cloud whether an authority is genuine; one of our own
        # is not known there.
        options |= {"authority": settings.authority, "disable_instance_discovery": True}
    if settings.ca_file:
        options["connection_verify"] = str(settings.ca_file)
    if settings.client_secret is not None:
        secret = settings.client_secret.get_secret_value()
        return ClientSecretCredential(settings.tenant_id, settings.client_id, secret, **options)
    if settings.certificate_path is not None:
        return CertificateCredential(
            settings.tenant_id, settings.client_id, str(settings.certificate_path), **options
        )
    return WorkloadIdentityCredential(
        tenant_id=settings.tenant_id,
        client_id=settings.client_id,
        token_file_path=str(settings.federated_token_file),
        **options,
    )


class TokenAuth(httpx.Auth):
    """Puts the token on each request and, on a 401, asks for a new one exactly once.

    Concurrent requests share one sign-in. Raises SetUpWrong when sign-in is refused, TryLater when
    the identity service cannot be reached.
    """

    def __init__(
        self,
        new_credential: Callable[[], AsyncTokenCredential],
        scope: str,
        *,
        scheme: str = "Bearer",
    ) -> None:
        self._new_credential = new_credential
        self._scope = scope
        self._scheme = scheme
        self._credential: AsyncTokenCredential | None = None
        self._lock = asyncio.Lock()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self.token()
        request.headers["Authorization"] = f"{self._scheme} {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            renewed = await self.token(rejected=token)
            request.headers["Authorization"] = f"{self._scheme} {renewed}"
            yield request

    async def aclose(self) -> None:
        if self._credential is not None:
            await self._credential.close()
            self._credential = None

    async def token(self, rejected: str | None = None) -> str:
        """Return a token in force, another one than `rejected`."""
        async with self._lock:
            token = await self._acquire()
            if token == rejected:
                await self.aclose()
                token = await self._acquire()
            return token

    async def _acquire(self) -> str:
        from azure.core.exceptions import (
            ClientAuthenticationError,
            HttpResponseError,
            ServiceRequestError,
            ServiceResponseError,
        )

        try:
            if self._credential is None:
                self._credential = self._new_credential()
            return (await self._credential.get_token(self._scope)).token
        except ClientAuthenticationError as error:
            # azure-identity says so of every answer without a token, an outage's included.
            if error.status_code in _IDENTITY_BUSY:
                raise TryLater(f"The identity service is busy: {error.message}") from error
            raise SetUpWrong(f"Signing in to Dynamics was refused: {error.message}") from error
        except (OSError, ValueError) as error:
            raise SetUpWrong(f"A file or setting for signing in is unusable: {error}") from error
        except (ServiceRequestError, ServiceResponseError, HttpResponseError) as error:
            raise TryLater(f"The identity service cannot be reached: {error.message}") from error
