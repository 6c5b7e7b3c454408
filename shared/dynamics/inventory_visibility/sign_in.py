"""Sign-in in two steps: an Entra token, exchanged for a token of the security service.

Microsoft, "Inventory Visibility public APIs", Authentication: the well-known address answers 307;
the same POST goes to the region's own address, named in `Location`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx

from shared.clock import Clock
from shared.dynamics.auth import TokenAuth, credential
from shared.dynamics.inventory_visibility.settings import InventoryVisibilitySettings
from shared.dynamics.odata.errors import SetUpWrong, TryLater

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_AUDIENCE = "https://inventoryservice.operations365.dynamics.com/.default"
_RENEW_AHEAD = timedelta(minutes=5)
_MAX_REDIRECTS = 3
_TRY_LATER = (408, 429, *range(500, 600))


@asynccontextmanager
async def sign_ins(
    settings: InventoryVisibilitySettings, clock: Clock
) -> AsyncIterator[dict[str, httpx.Auth]]:
    """Give the sign-in of every principal of the settings."""
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(
            httpx.AsyncClient(timeout=settings.timeout.total_seconds())
        )
        exchange = SecurityService(http, str(settings.security_service), settings.environment_id)
        auths: dict[str, httpx.Auth] = {}
        for each in settings.sign_ins():
            auth = ExchangedTokenAuth(
                lambda each=each: credential(each),  # type: ignore[misc]
                settings.token_scope,
                exchange,
                clock,
            )
            opened.push_async_callback(auth.aclose)
            auths[each.client_id] = auth
        yield auths


class SecurityService:
    def __init__(self, http: httpx.AsyncClient, url: str, environment_id: str) -> None:
        self._http = http
        self._url = url
        self._environment_id = environment_id

    async def exchange(self, entra_token: str) -> tuple[str, timedelta] | None:
        """Return a token and how long it is valid, None where the Entra token is not accepted.

        Raises SetUpWrong, TryLater.
        """
        asked = {
            "grant_type": "client_credentials",
            "client_assertion_type": "aad_app",
            "client_assertion": entra_token,
            "scope": _AUDIENCE,
            "context": self._environment_id,
            "context_type": "finops-env",
        }
        response = await self._post(asked)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            return None
        if response.status_code in _TRY_LATER:
            raise TryLater(f"The security service is busy: HTTP {response.status_code}.")
        if not response.is_success:
            raise SetUpWrong(
                f"The security service refused the token ({response.status_code}): "
                f"{response.text[:500]}"
            )
        try:
            answer = response.json()
            return str(answer["access_token"]), timedelta(seconds=float(answer["expires_in"]))
        except (ValueError, KeyError, TypeError) as error:
            raise TryLater("The security service's answer is not a token.") from error

    async def _post(self, asked: dict[str, str]) -> httpx.Response:
        url = self._url
        try:
            for _ in range(_MAX_REDIRECTS):
                response = await self._http.post(url, json=asked, headers={"Api-Version": "1.0"})
                if response.status_code not in (307, 308):
                    return response
                target = urljoin(url, response.headers.get("location", ""))
                if httpx.URL(target).scheme != httpx.URL(url).scheme:
                    raise SetUpWrong(f"The security service leads to {target}.")
                url = target
        except httpx.HTTPError as error:
            raise TryLater(
                f"The security service cannot be reached: {type(error).__name__} {error}"
            ) from error
        raise SetUpWrong("The security service leads nowhere.")


class ExchangedTokenAuth(TokenAuth):
    """Like TokenAuth with the security service's token: kept, renewed ahead of time, and replaced
    once when it is rejected. Concurrent requests share one exchange."""

    def __init__(
        self,
        new_credential: Callable[[], AsyncTokenCredential],
        scope: str,
        service: SecurityService,
        clock: Clock,
    ) -> None:
        super().__init__(new_credential, scope)
        self._service = service
        self._clock = clock
        self._exchanging = asyncio.Lock()
        self._own = ""
        self._renew_at: datetime | None = None

    async def token(self, rejected: str | None = None) -> str:
        async with self._exchanging:
            if self._renew_at is None or self._clock() >= self._renew_at or self._own == rejected:
                self._own, valid = await self._exchange()
                self._renew_at = self._clock() + max(valid - _RENEW_AHEAD, valid / 2)
            return self._own

    async def _exchange(self) -> tuple[str, timedelta]:
        entra = await super().token()
        exchanged = await self._service.exchange(entra)
        if exchanged is None:
            exchanged = await self._service.exchange(await super().token(rejected=entra))
        if exchanged is None:
            raise SetUpWrong("The security service does not accept the application's token.")
        return exchanged
