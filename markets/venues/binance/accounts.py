"""Balances, positions, permissions and settings of an account at one house of Binance."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from markets.venues.base import AccountAccess, AccountReport, Permissions
from markets.venues.binance.account_replies import read_futures_account, read_spot_account
from markets.venues.binance.endpoints import Call
from markets.venues.binance.gateway import Gateway
from markets.venues.budget import fingerprint
from markets.venues.errors import NotSupported
from markets.venues.vocabulary import MarketKind

# The mode costs six times what the account itself does, and people change it about never.
MODE_SECONDS = 300.0


class Accounts:
    """What an account has, and what its key may do."""

    gateway: Gateway
    modes: "Modes"

    async def account(self, account: AccountAccess) -> AccountReport:
        """Return balances and positions."""
        now = datetime.now(UTC)
        kind = self.gateway.house.kind
        if kind is MarketKind.SPOT:
            reply = await self.gateway.signed(account, Call.ACCOUNT, {"omitZeroBalances": "true"})
            with self.gateway.understood():
                return read_spot_account(reply, now)
        reply, positions, hedge = await asyncio.gather(
            self.gateway.signed(account, Call.ACCOUNT, {}),
            self.gateway.signed(account, Call.POSITIONS, {}),
            self.modes.hedge(account),
        )
        with self.gateway.understood():
            return read_futures_account(reply, positions, kind, hedge_mode=hedge, now=now)

    async def permissions(self, account: AccountAccess) -> Permissions:
        """Return what the key may do, and whose it is; those of the futures are asked at the spot market's address."""
        reply = await self.gateway.signed(account, Call.PERMISSIONS, {})
        owner = await self.gateway.signed(account, Call.OWNER, {"omitZeroBalances": "true"})
        spot = self.gateway.house.kind is MarketKind.SPOT
        with self.gateway.understood():
            return Permissions(
                read=reply["enableReading"] is True,
                trade=reply["enableSpotAndMarginTrading" if spot else "enableFutures"] is True,
                withdraw=reply["enableWithdrawals"] is not False,
                venue_account=str(owner.get("uid") or ""),
            )

    async def set_leverage(self, account: AccountAccess, symbol: str, kind: MarketKind, leverage: int) -> None:
        """Set the leverage of a contract."""
        await self.gateway.signed(account, Call.SET_LEVERAGE, {"symbol": symbol, "leverage": leverage})


class Modes:
    """Which accounts hold a position per side; remembered for a while."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[str, tuple[float, bool]] = {}

    async def hedge(self, account: AccountAccess) -> bool:
        """Return whether the account is in hedge mode."""
        if account.credentials is None:
            raise NotSupported("An account without a key has no mode.")
        known = self._known.get(fingerprint(account.credentials.key))
        if known and known[0] > time.monotonic():
            return known[1]
        reply: Mapping[str, Any] = await self._gateway.signed(account, Call.POSITION_MODE, {})
        with self._gateway.understood():
            mode = reply["dualSidePosition"] is True
        self.remember(account, hedge=mode)
        return mode

    def remember(self, account: AccountAccess, *, hedge: bool) -> None:
        """Take note of the mode of an account."""
        if account.credentials:
            self._known[fingerprint(account.credentials.key)] = (time.monotonic() + MODE_SECONDS, hedge)

    def forget(self, account: AccountAccess) -> None:
        """Ask again next time: an order was refused for its side."""
        if account.credentials:
            self._known.pop(fingerprint(account.credentials.key), None)
