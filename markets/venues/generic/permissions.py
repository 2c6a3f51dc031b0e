"""What a key may do, for the exchanges that tell it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from markets.venues.base import Permissions
from markets.venues.http import UnreadableError

# Bitget's rights that cannot take anything out of an account; what is not here may.
BITGET_READS = frozenset({"readonly", "coor", "cpor", "stor", "smor", "ttor", "wtor", "taxr", "chor", "p2pr", "pllr"})
BITGET_TRADES = frozenset({"trade", "coow", "cpow", "stow", "smow", "ttow", "wtow", "taxw"})


async def _bybit(exchange: Any) -> Permissions:
    """Return the permissions of a key at Bybit (`/v5/user/query-api`)."""
    reply = await exchange.privateGetV5UserQueryApi()
    told = reply["result"]
    granted: Mapping[str, Any] = told["permissions"]
    trades = str(told["readOnly"]) == "0" and any(granted.get(name) for name in ("Spot", "ContractTrade"))
    withdraws = "Withdraw" in (granted.get("Wallet") or ())
    return Permissions(read=True, trade=trades, withdraw=withdraws, venue_account=str(told.get("userID") or ""))


async def _okx(exchange: Any) -> Permissions:
    """Return the permissions of a key at OKX (`/api/v5/account/config`)."""
    reply = await exchange.privateGetAccountConfig()
    if not reply.get("data") or "perm" not in reply["data"][0]:
        raise UnreadableError("The exchange did not tell what the key may do.")
    granted = str(reply["data"][0]["perm"]).split(",")
    return Permissions(
        read="read_only" in granted,
        trade="trade" in granted,
        withdraw="withdraw" in granted,
        venue_account=str(reply["data"][0].get("uid") or ""),
    )


async def _bitget(exchange: Any) -> Permissions:
    """Return the permissions of a key at Bitget (`/api/v2/spot/account/info`); a right of an unknown name withdraws."""
    reply = await exchange.privateSpotGetV2SpotAccountInfo()
    granted = frozenset(_listed((reply.get("data") or {}).get("authorities")))
    trades = granted & {"trade", "coow"}
    return Permissions(
        read=bool(trades or granted & {"readonly", "coor"}),
        trade=bool(trades),
        withdraw=bool(granted - BITGET_READS - BITGET_TRADES),
        venue_account=str(reply["data"].get("userId") or ""),
    )


async def _kraken(exchange: Any) -> Permissions:
    """Return the permissions of a key at Kraken (`/0/private/GetApiKeyInfo`)."""
    reply = await exchange.privatePostGetApiKeyInfo()
    granted = frozenset(_listed((reply.get("result") or {}).get("permissions")))
    return Permissions(
        read=granted.issuperset({"query-funds", "query-open-trades", "query-closed-trades"}),
        trade=granted.issuperset({"modify-trades", "close-trades"}),
        withdraw="withdraw-funds" in granted,
    )


def _listed(granted: Any) -> list[str]:
    if not isinstance(granted, list) or not granted:
        raise UnreadableError("The exchange did not tell what the key may do.")
    return [str(each) for each in granted]


PERMISSIONS: Mapping[str, Callable[[Any], Awaitable[Permissions]]] = {
    "bybit": _bybit,
    "okx": _okx,
    "bitget": _bitget,
    "kraken": _kraken,
}
