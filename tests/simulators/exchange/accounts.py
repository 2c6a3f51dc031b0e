"""Accounts: one API key with its secret, permissions, and what it owns in each market."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.simulators.exchange.kinds import ZERO, Market
from tests.simulators.exchange.orders import Algo, Order

PERMISSIONS = ("reading", "spot", "futures", "withdrawals")
GIVEN = ("reading", "spot", "futures")
BALANCES: Mapping[str, Mapping[str, str]] = {
    "spot": {"USDT": "1000000", "BTC": "10", "ETH": "100", "BNB": "100"},
    "usd_m": {"USDT": "1000000"},
    "coin_m": {"BTC": "10"},
}
LEVERAGE = 20


@dataclass(slots=True)
class Balance:
    """An amount of one asset; `held` is set aside for open orders."""

    total: Decimal = ZERO
    held: Decimal = ZERO


@dataclass(slots=True)
class Position:
    """A futures position; `amount` is negative when short, `entry` the mean price, `realized` over its life."""

    symbol: str
    side: str
    amount: Decimal = ZERO
    entry: Decimal = ZERO
    realized: Decimal = ZERO
    updated: int = 0


@dataclass(slots=True)
class Setting:
    """Leverage and margin type of one symbol of an account."""

    leverage: int = LEVERAGE
    isolated: bool = False


class Ledger:
    """What an account has in one market. Orders are found by id, open ones by the client's id as well."""

    __slots__ = (
        *("balances", "positions", "settings"),
        *("orders", "open", "open_clients"),
        *("algos", "open_algos", "algos_by_client"),
    )

    def __init__(self, balances: Mapping[str, str | Decimal]) -> None:
        self.balances: defaultdict[str, Balance] = defaultdict(Balance)
        for asset, amount in balances.items():
            self.balances[asset].total = Decimal(amount)
        self.positions: dict[tuple[str, str], Position] = {}
        self.settings: defaultdict[str, Setting] = defaultdict(Setting)
        self.orders: dict[int, Order] = {}
        self.open: dict[int, Order] = {}
        self.open_clients: dict[str, Order] = {}
        self.algos: dict[int, Algo] = {}
        self.open_algos: dict[int, Algo] = {}
        self.algos_by_client: dict[str, Algo] = {}

    def position(self, symbol: str, side: str) -> Position:
        """Return a position, which may be empty."""
        key = (symbol, side)
        if key not in self.positions:
            self.positions[key] = Position(symbol, side)
        return self.positions[key]

    def has_position(self, symbol: str = "") -> bool:
        """Return whether anything is held, of one symbol or of any."""
        return any(position.amount and symbol in {"", position.symbol} for position in self.positions.values())

    def has_orders(self, symbol: str = "") -> bool:
        """Return whether anything is open, of one symbol or of any."""
        names = (item.symbol.name for item in (*self.open.values(), *(algo.order for algo in self.open_algos.values())))
        return any(symbol in {"", name} for name in names)


@dataclass(slots=True)
class Window:
    """Orders counted in one span of time."""

    number: int = 0
    count: int = 0


@dataclass(slots=True)
class Account:
    """One API key."""

    key: str
    secret: str
    uid: int
    created: int
    permissions: set[str]
    ledgers: dict[Market, Ledger]
    hedge: bool = False
    enabled: bool = True
    ip_restricted: bool = True
    fees_in_bnb: bool = False
    windows: defaultdict[str, defaultdict[str, Window]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Window))
    )


# What everybody pays.
MAKER = {Market.SPOT: Decimal("0.001"), Market.USD_M: Decimal("0.0002"), Market.COIN_M: Decimal("0.0001")}
TAKER = {Market.SPOT: Decimal("0.001"), Market.USD_M: Decimal("0.0005"), Market.COIN_M: Decimal("0.0005")}


def generated(word: str, number: int) -> str:
    """Return 64 characters that differ for each word and number, and are the same in every run."""
    return hashlib.sha256(f"{word}-{number}".encode()).hexdigest()


def create(
    number: int,
    now: int,
    *,
    key: str | None = None,
    secret: str | None = None,
    balances: Mapping[str, Mapping[str, str]] | None = None,
    permissions: Iterable[str] = GIVEN,
    hedge: bool = False,
    ip_restricted: bool = True,
    fees_in_bnb: bool = False,
) -> Account:
    """Return a new account; without balances it is rich in every market."""
    held = BALANCES if balances is None else balances
    return Account(
        key=key or generated("key", number),
        secret=secret or generated("secret", number),
        uid=350_000_000 + number,
        created=now,
        permissions=set(permissions),
        ledgers={market: Ledger(held.get(market.value, {})) for market in Market},
        hedge=hedge,
        ip_restricted=ip_restricted,
        fees_in_bnb=fees_in_bnb,
    )
