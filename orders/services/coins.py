"""Where an account may have traded on spot, by its coins: spot has no positions, but a trade moves two balances.

An account keeps what its venue said at the last comparison, each coin with the comparison that found it changed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.venues.base import ZERO, BalanceReport
from markets.venues.vocabulary import MarketKind

MOST_MARKETS = 20

Coins = Mapping[str, Sequence[str]]  # by coin its total, and since when


def coins_seen(
    before: Coins | None, balances: Sequence[BalanceReport], *, asked_at: datetime, since: datetime
) -> Coins:
    """Return the coins of an account as its venue says, after what was kept `before`.

    At the first comparison nobody knows what has changed: all of it may, from `since` on. A coin that is gone is kept
    as zero until its trades have been read, which is from `since` on at each comparison.
    """
    kept = before or {}
    changed_at = (since if before is None else asked_at).isoformat()
    totals = dict.fromkeys(kept, ZERO) | {balance.asset: balance.total for balance in balances}
    now = {asset: (plain_digits(total), changed_at) for asset, total in totals.items()}
    seen = {asset: kept[asset] if asset in kept and kept[asset][0] == now[asset][0] else now[asset] for asset in now}
    return {asset: coin for asset, coin in seen.items() if totals[asset] or _changed_at(coin) >= since}


def markets_between(venue: str, coins: Coins, *, since: datetime) -> list[Market]:
    """Return the spot markets in which two coins are traded that both changed, the latest first, not too many."""
    moved = {asset: moment for asset, coin in coins.items() if (moment := _changed_at(coin)) >= since}
    rows = Market.objects.filter(venue=venue, kind=MarketKind.SPOT, trading=True)
    rows = rows.filter(base_asset__in=moved, quote_asset__in=moved).order_by("symbol")
    return sorted(rows, key=lambda row: min(moved[row.base_asset], moved[row.quote_asset]), reverse=True)[:MOST_MARKETS]


def _changed_at(coin: Sequence[str]) -> datetime:
    return datetime.fromisoformat(coin[1])
