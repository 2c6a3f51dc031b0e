"""What the control API can do. Amounts are texts or numbers, times milliseconds, markets "spot", "usd_m", "coin_m"."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.simulators.exchange import faults, spot_shapes
from tests.simulators.exchange import futures_shapes as shapes
from tests.simulators.exchange.accounts import GIVEN, PERMISSIONS, Account
from tests.simulators.exchange.books import Book, Plan
from tests.simulators.exchange.candles import Gap
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.orders import Order
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.venue import Venue

Amount = str | int


def _amount(value: Amount | float) -> Decimal:
    return Decimal(str(value))


class Commands:
    """Each public method is a command."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def reset(self) -> None:
        """Forget everything: accounts, orders, prices, faults, the journal; sockets are cut."""
        self._venue.start()

    def account(self, **options: Any) -> dict[str, Any]:
        """Create an account."""
        unknown = set(options.get("permissions", GIVEN)) - set(PERMISSIONS)
        if unknown:
            raise ValueError(f"no such permissions: {sorted(unknown)}")
        return self._describe(self._venue.open_account(**options))

    def accounts(self) -> list[dict[str, Any]]:
        """List all accounts."""
        return [self._describe(account) for account in self._venue.accounts.values()]

    def change_account(
        self,
        key: str,
        balances: Mapping[str, Mapping[str, Amount]] | None = None,
        permissions: list[str] | None = None,
        *,
        enabled: bool | None = None,
        hedge: bool | None = None,
        ip_restricted: bool | None = None,
        fees_in_bnb: bool | None = None,
    ) -> dict[str, Any]:
        """Change what is given of an account; balances are set, not added."""
        account = self._venue.accounts[key]
        for market, assets in (balances or {}).items():
            for asset, value in assets.items():
                account.ledgers[Market(market)].balances[asset].total = _amount(value)
        if permissions is not None:
            account.permissions = set(permissions)
        flags = {"enabled": enabled, "hedge": hedge, "ip_restricted": ip_restricted, "fees_in_bnb": fees_in_bnb}
        for name, flag in flags.items():
            if flag is not None:
                setattr(account, name, flag)
        return self._describe(account)

    def price(
        self, market: str, symbol: str, value: Amount | None = None, mark: Amount | None = None
    ) -> dict[str, str]:
        """Set the price of a symbol, and its mark price where that differs; without a value only tell them."""
        book = self._book(market, symbol)
        if value is not None:
            self._venue.engine.move(book, _amount(value), None if mark is None else _amount(mark))
            if book.symbol.market is not Market.SPOT:
                self._venue.algos.move(book)
            self._venue.feeds.tell(book)
        return {"price": str(book.price), "mark": str(book.mark)}

    def fills(
        self, market: str, symbol: str, parts: int = 1, fraction: Amount = 1, slip: int = 0, key: str = ""
    ) -> None:
        """Say how orders fill: in `parts` trades, each `slip` ticks worse, only a `fraction` of the order."""
        self._book(market, symbol).plans[key] = Plan(parts, _amount(fraction), slip)

    def symbol(
        self,
        market: str,
        name: str,
        like: str,
        changes: Mapping[str, Any] | None = None,
        filters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """List a symbol that differs from another one by fields (`changes`) and by fields of its filters."""
        venue, kind = self._venue, Market(market)
        listed = venue.catalogues[kind].like(name, like, changes or {}, filters or {})
        known = venue.books[kind].get(name)
        if known:
            known.symbol = listed
        else:
            venue.books[kind][name] = Book(listed)

    def fault(self, kind: str, **options: Any) -> int:
        """Set a fault; return its number."""
        if kind not in faults.KINDS:
            raise ValueError(f"no such fault: {kind}")
        return self._venue.faults.add(faults.Rule(kind, **options))

    def faults(self) -> list[dict[str, Any]]:
        """List the faults with how often each has happened."""
        return [rule.describe() for rule in self._venue.faults.rules]

    def clear_faults(self, number: int | None = None) -> None:
        """Lift one fault or all, and the latency; events that were withheld stay so."""
        self._venue.faults.clear(number)
        if number is None:
            self._venue.latency = (0.0, 0.0)

    def seed(self, number: int) -> None:
        """Begin the series of chances of faults anew."""
        self._venue.faults.seed(number)

    def latency(self, low: float, high: float) -> None:
        """Let every answer take so many milliseconds."""
        self._venue.latency = (low, high)

    def limits(
        self,
        *,
        enforce: bool,
        spot: int | None = None,
        futures: int | None = None,
        orders: Mapping[str, Mapping[str, int]] | None = None,
        ban_seconds: float | None = None,
    ) -> None:
        """Enforce the limits or not; change the weights of a minute, the orders of a span, and the length of a ban."""
        limits = self._venue.limits
        limits.enforced = enforce
        for name, weight in (("spot", spot), ("futures", futures)):
            if weight is not None:
                limits.pools[name].limit = weight
        for name, spans in (orders or {}).items():
            limits.orders[name].update(spans)
        if ban_seconds is not None:
            limits.ban_ms = int(ban_seconds * 1000)

    def ban(self, seconds: float, pool: str = "") -> None:
        """Answer 418 for so long, in one pool ("spot" or "futures") or both; 0 ends a ban."""
        pools = [pool] if pool else ["spot", "futures"]
        self._venue.limits.ban(pools, self._venue.clock.ms(), int(seconds * 1000))

    def clock(self, offset: int | None = None, now: int | None = None) -> int:
        """Put the clock of the server forward by an offset, or to a time; return its time."""
        clock = self._venue.clock
        if offset is not None:
            clock.offset = offset
        if now is not None:
            clock.offset += now - clock.ms()
        return clock.ms()

    def gap(self, market: str, symbol: str, interval: str, start: int, end: int) -> None:
        """Leave out the candles that open from start to end."""
        self._venue.candles.gaps.append(Gap(Market(market), symbol, interval, start, end))

    def clear_gaps(self) -> None:
        """Serve all candles."""
        self._venue.candles.gaps.clear()

    def placements(self, key: str = "", market: str = "") -> list[dict[str, Any]]:
        """List all attempts to place an order, oldest first; `code` is 0 where it was accepted."""
        return [
            placement.describe()
            for placement in self._venue.journal.placements
            if key in {"", placement.order.account.key} and market in {"", placement.order.symbol.market}
        ]

    def counts(self) -> dict[str, Any]:
        """Count requests by path, answers by status, calls in a ban, sockets, accepted orders by client id.

        `seconds` are those that each POST took here, in the order of the answers.
        """
        journal = self._venue.journal
        accepted = Counter(placement.order.client_id for placement in journal.placements if not placement.code)
        return {
            "requests": journal.requests,
            "answers": {str(status): count for status, count in journal.answers.items()},
            "banned_calls": self._venue.limits.banned_calls,
            "sockets": len(self._venue.sockets),
            "client_ids": accepted,
            "seconds": journal.seconds,
        }

    def clear_journal(self) -> None:
        """Forget placements and counts."""
        self._venue.journal.clear()
        self._venue.limits.banned_calls = 0

    def orders(self, key: str, market: str, symbol: str = "") -> list[dict[str, Any]]:
        """List the orders of an account as the venue's own query shows them, oldest first."""
        shape = spot_shapes.query if Market(market) is Market.SPOT else shapes.query
        orders = self._venue.accounts[key].ledgers[Market(market)].orders.values()
        return [shape(order) for order in orders if symbol in {"", order.symbol.name}]

    def fill(
        self, key: str, market: str, order: int, quantity: Amount | None = None, price: Amount | None = None
    ) -> None:
        """Fill an open order wholly, or by a quantity, at its own price or another one."""
        found = self._open(key, market, order)
        size = None if quantity is None else _amount(quantity)
        self._venue.engine.fill_resting(found, size, None if price is None else _amount(price))

    def cancel(self, key: str, market: str, order: int) -> None:
        """Cancel an open order at the venue's side."""
        self._venue.engine.cancel(self._open(key, market, order))

    def expire_listen_keys(self, key: str = "") -> int:
        """Let listen keys expire, of one API key or all; return how many."""
        return self._venue.hub.expire_keys(key)

    def release_events(self) -> int:
        """Send the events that were withheld; return how many."""
        return self._venue.hub.release()

    def kill_sockets(self) -> int:
        """Break all sockets; return how many there were."""
        sockets = list(self._venue.sockets)
        for cut in sockets:
            cut()
        return len(sockets)

    def _book(self, market: str, symbol: str) -> Book:
        return self._venue.book(Market(market), symbol)

    def _open(self, key: str, market: str, order: int) -> Order:
        found = self._venue.accounts[key].ledgers[Market(market)].open.get(order)
        if found is None:
            raise Refusal(-2011)
        return found

    @staticmethod
    def _describe(account: Account) -> dict[str, Any]:
        return {
            "key": account.key,
            "secret": account.secret,
            "uid": account.uid,
            "permissions": sorted(account.permissions),
            "hedge": account.hedge,
            "enabled": account.enabled,
            "balances": {
                market.value: {asset: str(balance.total) for asset, balance in ledger.balances.items()}
                for market, ledger in account.ledgers.items()
            },
            "positions": {
                market.value: [
                    {"symbol": held.symbol, "side": held.side, "amount": str(held.amount), "entry": str(held.entry)}
                    for held in ledger.positions.values()
                    if held.amount
                ]
                for market, ledger in account.ledgers.items()
            },
        }
