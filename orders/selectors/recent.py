"""What the order proxy shows: accounts to trade with, markets, single orders, and the short list of recent ones."""

from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Page
from copytrade.lib.errors import InvalidInput, NotFound
from markets.models import Market
from markets.venues.registry import venue_info
from markets.venues.vocabulary import WAITING_STOP, MarketKind
from orders.models import AccountState, Order, RecentOrder, TradingAccount

VENUES = {MarketKind.SPOT: "binance", MarketKind.USD_M: "binanceusdm", MarketKind.COIN_M: "binancecoinm"}


def proxy_account(*, user: User, kind: MarketKind, account_id: int | None, path: str = "account") -> TradingAccount:
    """Return the account that an order is for: the one that is named, else the only active one at the venue.

    Another's is `NotFound`; none, several, or one at another venue is `InvalidInput` at `path`. An account that is
    named is returned in whatever state it is.
    """
    mine = TradingAccount.objects.filter(user=user)
    if account_id is not None:
        return _named(mine, account_id, kind, path)
    here = list(mine.filter(venue=VENUES[kind], state=AccountState.ACTIVE).order_by("pk")[:21])
    if len(here) == 1:
        return here[0]
    raise InvalidInput([{"path": path, "message": _several(here) if here else _none(user, kind)}])


def proxy_market(*, kinds: Collection[MarketKind], symbol: str) -> list[Market]:
    """Return the markets of a symbol at Binance, of these kinds; an unknown symbol is `NotFound`."""
    symbol = symbol.upper()
    found = []
    if "\0" not in symbol:
        venues = [VENUES[kind] for kind in kinds]
        found = list(Market.objects.filter(venue__in=venues, kind__in=kinds, symbol=symbol))
    if not found:
        names = " or ".join(venue_info(VENUES[kind]).name for kind in sorted(kinds))
        raise NotFound(f"There is no market {symbol[:64]!r} at {names}.")
    return found


def recent_orders(
    *, user: User, kinds: Collection[MarketKind], symbol: str | None, account_id: int | None, page: Page
) -> tuple[Sequence[Order], int]:
    """Return a user's recent orders through the proxy, newest first, and how many there are.

    All that are open, and the last three finished ones per account and market. An unknown symbol, and an account that
    is not the user's, is `NotFound`.
    """
    rows = RecentOrder.objects.filter(account__user=user, market__kind__in=kinds)
    if symbol is not None:
        rows = rows.filter(market__in=proxy_market(kinds=kinds, symbol=symbol))
    if account_id is not None:
        _own(TradingAccount.objects.filter(user=user), account_id)
        rows = rows.filter(account=account_id)
    listed = rows.select_related("order__market", "order__account").order_by("-order_id")
    return [row.order for row in listed[page.offset : page.offset + page.limit]], rows.count()


def proxy_order_get(
    *, user: User, kind: MarketKind, symbol: str, venue_order_id: str, client_order_id: str, account_id: int | None
) -> Order:
    """Return one order of a user by symbol and Binance's order id, the client order id, or both.

    Order ids may collide across markets and accounts: what is not this symbol's is never found, and several accounts
    that have such an order are `InvalidInput`.
    """
    market = proxy_market(kinds=[kind], symbol=symbol)[0]
    rows = Order.objects.filter(account__user=user, market=market).select_related("account", "market")
    if account_id is not None:
        rows = rows.filter(account=account_id)
    if venue_order_id:
        rows = rows.filter(venue_order_id__in=[venue_order_id, f"{WAITING_STOP}{venue_order_id}"])
    if client_order_id:
        rows = rows.filter(client_order_id=client_order_id)
    found = list(rows.order_by("-pk")[:21])
    accounts = {order.account_id: order.account for order in found}
    if len(accounts) > 1:
        raise InvalidInput([{"path": "account", "message": _several(list(accounts.values()))}])
    if not found:
        raise NotFound(f"You have no such order in {market.symbol}.")
    if len(found) > 1:
        ids = ", ".join(order.client_order_id for order in found)
        message = f"is the number of an order and of a conditional one: write origClientOrderId, one of {ids}"
        raise InvalidInput([{"path": "orderId", "message": message}])
    return found[0]


def _named(mine: "QuerySet[TradingAccount]", account_id: int, kind: MarketKind, path: str) -> TradingAccount:
    account = _own(mine, account_id)
    if account.venue != VENUES[kind]:
        there, here = venue_info(account.venue).name, venue_info(VENUES[kind]).name
        raise InvalidInput([{"path": path, "message": f"account {account.pk} is at {there}, not at {here}"}])
    return account


def _own(mine: "QuerySet[TradingAccount]", account_id: int) -> TradingAccount:
    account = mine.filter(pk=account_id).first()
    if account is None:
        raise NotFound(f"You have no account {account_id}.")
    return account


def _several(accounts: Sequence[TradingAccount]) -> str:
    names = ", ".join(f"{account.pk} ({account.name}, {account.mode})" for account in accounts[:20])
    more = " and more" if len(accounts) > 20 else ""
    return f"is needed: write the id of one of your accounts: {names}{more}"


def _none(user: User, kind: MarketKind) -> str:
    venue = VENUES[kind]
    name = venue_info(venue).name
    idle = TradingAccount.objects.filter(user=user, venue=venue).exclude(state=AccountState.CLOSED)
    if account := idle.first():
        return f"your account {account.pk} ({account.name}) at {name} does not trade: it is {account.state}; resume it"
    example = f'{{"name": "{name}", "venue": "{venue}"}}'
    return f"you have no active account at {name}: open one by POST /api/accounts/ with {example}"
