"""One exchange as this process reaches it: a template with its markets, and cheap copies of it for accounts.

Importing ccxt takes a second and 100 MB, and a new exchange object milliseconds: so there is one, made on first use,
and each call gets a copy with the account's own key.
"""

import asyncio
import copy
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from weakref import WeakValueDictionary

from django.conf import settings

from markets.venues.base import Credentials
from markets.venues.budget import Budget, fingerprint
from markets.venues.budget_rules import Demand, Pool, Span
from markets.venues.errors import AuthFailed
from markets.venues.generic.carrier import Door, Turn, carried
from markets.venues.generic.exchanges import Exchange
from markets.venues.http import Transport

MINUTE = timedelta(minutes=1)
LISTED_SECONDS = 300.0


class Connection:
    """The template of one exchange. `address` leads everything somewhere else, a simulator."""

    def __init__(self, slug: str, facts: Exchange, *, address: str = "") -> None:
        self.slug = slug
        self.facts = facts
        self.transport = Transport(settings.VENUE_TIMEOUT_SECONDS)
        self.budget = Budget(settings.REDIS_URL)
        self._address = address
        self._template: Any = None
        self._making: asyncio.Task[Any] | None = None
        self._pool: Pool | None = None
        self._door = Door()
        self._turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()
        self._listed_at = 0.0

    async def public(self, *, reload: bool = False) -> Any:
        """Return the exchange for what anyone may ask, with its markets loaded."""
        template = await self._made()
        if reload:
            await template.load_markets(True)
            self._listed_at = time.monotonic()
        return copy.copy(template)

    def may_have_missed(self) -> bool:
        """Whether markets may have been listed since they were loaded."""
        return time.monotonic() - self._listed_at > LISTED_SECONDS

    async def private(self, credentials: Credentials | None, *, urgent: bool = False, places: bool = False) -> Any:
        """Return the exchange for an account: `urgent` requests go first, one that `places` keeps its deadline."""
        if credentials is None or not (credentials.key and credentials.secret):
            raise AuthFailed("The account has no key.")
        own = copy.copy(await self._made())
        own.apiKey, own.secret, own.password = credentials.key, credentials.secret, credentials.passphrase
        own.options = dict(own.options)  # ccxt notes there what it learns of an account
        own.places, own.demand = places, self._demand(credentials.key, urgent=urgent)
        if self.facts.numbered:
            own.turn = self._turns.setdefault(credentials.key, Turn())
        return own

    def _demand(self, key: str, *, urgent: bool) -> Demand:
        """Return what a signed request needs of the budget: some exchanges count by account, and not by address."""
        limits = self.facts.limits
        if urgent or limits.of_account is None:
            return Demand(weight=limits.signed_weight, urgent=urgent)
        return Demand(weight=limits.signed_weight, account=fingerprint(key), places=True)

    @property
    def precision_mode(self) -> int:
        """How ccxt writes this exchange's steps, once its markets are loaded."""
        return int(self._template.precisionMode)

    async def ban(self, until: datetime) -> None:
        """Let nobody call before a moment."""
        if self._pool is not None:
            await self.budget.ban(self._pool, until)

    async def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._door.is_closed = True
        await self.transport.close()
        await self.budget.close()

    async def _made(self) -> Any:
        """Return the template, made once; who comes meanwhile waits for it."""
        self._door.is_closed = False
        if self._template is None:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make())
            self._template = await asyncio.shield(self._making)
        return self._template

    async def _make(self) -> Any:
        library = await asyncio.to_thread(import_module, "ccxt.async_support")
        template = carried(getattr(library, self.slug))({"enableRateLimit": False})
        template.number = str
        template.options = {**template.options, **self.facts.options}
        template.transport, template.budget, template.door = self.transport, self.budget, self._door
        limits = self.facts.limits
        weight = Span(MINUTE, limits.per_minute or int(60_000 / template.rateLimit))
        own = (limits.of_account,) if limits.of_account else ()
        template.pool = self._pool = Pool(f"ccxt:{self.slug}", weight, own)
        if self._address:
            template.urls = {**template.urls, "api": _led_to(template.urls["api"], self._address)}
        await template.load_markets()
        self._listed_at = time.monotonic()
        return template


def _led_to(addresses: Any, address: str) -> Any:
    if isinstance(addresses, Mapping):
        return {name: _led_to(value, address) for name, value in addresses.items()}
    return address
