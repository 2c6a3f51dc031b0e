"""What a key may do, for the exchanges that tell it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from markets.venues.base import Permissions
from markets.venues.http import UnreadableError


async def _bybit(exchange: Any) -> Permissions:
    """Return the permissions of a key at Bybit (`/v5/user/query-api`)."""
    reply = await exchange.privateGetV5UserQueryApi()
    told = reply["result"]
    granted: Mapping[str, Any] = told["permissions"]
    trades = str(told["readOnly"]) == "0" and any(granted.get(name) for name in ("Spot", "ContractTrade"))
    return Permissions(read=True, trade=trades, withdraw="Withdraw" in (granted.get("Wallet") or ()))


async def _okx(exchange: Any) -> Permissions:
    """Return the permissions of a key at OKX (`/api/v5/account/config`)."""
    reply = await exchange.privateGetAccountConfig()
    if not reply.get("data") or "perm" not in reply["data"][0]:
        raise UnreadableError("The exchange did not tell what the key may do.")
    granted = str(reply["data"][0]["perm"]).split(",")
    return Permissions(read="read_only" in granted, trade="trade" in granted, withdraw="withdraw" in granted)


PERMISSIONS: Mapping[str, Callable[[Any], Awaitable[Permissions]]] = {"bybit": _bybit, "okx": _okx}
