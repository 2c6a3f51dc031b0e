"""Reading and writing the paper books, many accounts at a time."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from copytrade.lib.sql import json_rows, run
from markets.venues.paper.facts import Balance, Held, Ledger, MarketKey, Order, Trade
from markets.venues.paper.scene import plain
from markets.venues.paper.terms import Terms, terms_of
from markets.venues.vocabulary import (
    MarketKind,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    VenueStatus,
    WorkingType,
)

logger = logging.getLogger(__name__)

_json = msgspec.json.Decoder(float_hook=Decimal)
ORDER_COLUMNS = tuple(column.name for column in fields(Order))
TRADE_COLUMNS = tuple(column.name for column in fields(Trade))

ACCOUNT = """
    account.id, account.key, account.venue, account.currency, account.balances, account.leverage, account.leverages,
    account.settings
"""
POSITION = """
    position.account_id, position.symbol, position.kind, position.position_side, position.quantity, position.cost,
    position.contract_size, position.margin_asset, position.leverage
"""
ACCOUNTS = f"""
    SELECT {ACCOUNT} FROM markets_paperaccount account
    WHERE venue = %s AND (key = ANY(%s) OR id = ANY(%s)) ORDER BY id
"""
POSITIONS = f"SELECT {POSITION} FROM markets_paperposition position WHERE account_id = ANY(%s) ORDER BY id"
WHOLE = f"""
    SELECT {ACCOUNT}, {POSITION} FROM markets_paperaccount account
    LEFT JOIN markets_paperposition position ON position.account_id = account.id
    WHERE account.venue = %s AND account.key = %s ORDER BY position.id
"""
OWN = ACCOUNT.count(",") + 1
ORDERS = f"SELECT account_id, {', '.join(ORDER_COLUMNS)} FROM markets_paperorder"  # the filter follows
TAKEN = """
    SELECT account_id, client_order_id FROM markets_paperorder
    JOIN json_to_recordset(%s) AS wanted (account_id bigint, client_order_id text) USING (account_id, client_order_id)
"""
HELD = """
    SELECT account.key, account.settings, position.kind, position.symbol
    FROM markets_paperaccount account LEFT JOIN markets_paperposition position ON position.account_id = account.id
    WHERE account.venue = %s AND account.key = ANY(%s)
"""
WRITE = """
    WITH booked AS (
        UPDATE markets_paperaccount account SET balances = new.balances, updated_at = %(now)s
        FROM json_to_recordset(%(accounts)s) AS new (id bigint, balances jsonb) WHERE account.id = new.id
    ), positions AS (
        SELECT * FROM json_to_recordset(%(positions)s) AS rows (
            account_id bigint, symbol text, kind text, position_side text, quantity numeric, cost numeric,
            contract_size numeric, margin_asset text, leverage int
        )
    ), closed AS (
        DELETE FROM markets_paperposition old USING positions new
        WHERE (old.account_id, old.kind, old.symbol, old.position_side)
            = (new.account_id, new.kind, new.symbol, new.position_side) AND new.quantity = 0
    ), held AS (
        INSERT INTO markets_paperposition (account_id, symbol, kind, position_side, quantity, cost, contract_size,
            margin_asset, leverage, updated_at)
        SELECT *, %(now)s FROM positions WHERE quantity <> 0
        ON CONFLICT (account_id, kind, symbol, position_side) DO UPDATE SET
            quantity = excluded.quantity, cost = excluded.cost, updated_at = excluded.updated_at
    ), forgiven AS (
        INSERT INTO markets_papertransfer (account_id, asset, amount, reason, time)
        SELECT account_id, asset, amount, 'forgiven', %(now)s
        FROM json_to_recordset(%(forgiven)s) AS rows (account_id bigint, asset text, amount numeric)
    ), ordered AS (
        INSERT INTO markets_paperorder (account_id, venue, client_order_id, symbol, kind, side, type, position_side,
            quantity, price, stop_price, time_in_force, reduce_only, close_position, working_type, price_protect,
            status, triggered, filled_quantity, filled_quote, filled_base, reserved, reserved_asset, trades, reason,
            created_at, updated_at)
        SELECT * FROM json_to_recordset(%(orders)s) AS rows (
            account_id bigint, venue text, client_order_id text, symbol text, kind text, side text, type text,
            position_side text, quantity numeric, price numeric, stop_price numeric, time_in_force text,
            reduce_only boolean, close_position boolean, working_type text, price_protect boolean, status text,
            triggered boolean, filled_quantity numeric, filled_quote numeric, filled_base numeric, reserved numeric,
            reserved_asset text, trades int, reason text, created_at timestamptz, updated_at timestamptz
        )
        ON CONFLICT (account_id, client_order_id) DO UPDATE SET
            quantity = excluded.quantity, status = excluded.status, triggered = excluded.triggered,
            filled_quantity = excluded.filled_quantity, filled_quote = excluded.filled_quote,
            filled_base = excluded.filled_base, reserved = excluded.reserved,
            reserved_asset = excluded.reserved_asset, trades = excluded.trades, reason = excluded.reason,
            updated_at = excluded.updated_at
        RETURNING id, account_id, client_order_id
    ), traded AS (
        INSERT INTO markets_papertrade (account_id, order_id, number, symbol, kind, price, quantity, quote_quantity,
            base_quantity, fee, fee_asset, is_maker, realized_pnl, time)
        SELECT account_id, ordered.id, number, symbol, kind, price, quantity, quote_quantity, base_quantity, fee,
            fee_asset, is_maker, realized_pnl, time
        FROM json_to_recordset(%(trades)s) AS rows (
            account_id bigint, client_order_id text, number int, symbol text, kind text, price numeric,
            quantity numeric, quote_quantity numeric, base_quantity numeric, fee numeric, fee_asset text,
            is_maker boolean, realized_pnl numeric, time timestamptz
        ) JOIN ordered USING (account_id, client_order_id)
    )
    SELECT account_id, client_order_id, id FROM ordered
"""


@dataclass(slots=True)
class Account:
    """An account with its books as they were read."""

    id: int
    key: str
    venue: str
    currency: str
    ledger: Ledger
    terms: Terms


@dataclass(slots=True)
class Changes:
    """What is to be written: of each account the books before and after, and in order what happened to orders."""

    venue: str
    now: datetime
    before: dict[int, Ledger] = field(default_factory=dict)
    after: dict[int, Ledger] = field(default_factory=dict)
    orders: dict[tuple[int, str], Order] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)

    def note(self, account: Account, ledger: Ledger, orders: Sequence[Order], trades: Sequence[Trade]) -> None:
        """Note new books of an account, and its orders and trades that led there."""
        self.before.setdefault(account.id, account.ledger)
        self.after[account.id] = account.ledger = ledger
        for order in orders:
            self.orders[account.id, order.client_order_id] = order
        for trade in trades:
            order = self.orders[account.id, trade.client_order_id]
            row = {name: getattr(trade, name) for name in TRADE_COLUMNS}
            self.trades.append({"account_id": account.id, "symbol": order.symbol, "kind": order.kind} | row)


def accounts_read(venue: str, *, keys: Sequence[str] = (), ids: Sequence[int] = (), lock: bool) -> list[Account]:
    """Return accounts by key or id, without their positions; locked ones in the order of their ids."""
    statement = ACCOUNTS + ("FOR UPDATE" if lock else "")
    return [_account(row) for row in run(statement, [venue, list(keys), list(ids)])]


def account_read_whole(venue: str, key: str) -> Account | None:
    """Return an account with its positions: in one statement, or what closes between two would be in neither."""
    rows = run(WHOLE, [venue, key])
    if not rows:
        return None
    account = _account(rows[0][:OWN])
    for row in rows:
        if row[OWN] is not None:
            _hold(account, row[OWN:])
    return account


def positions_read(accounts: Sequence[Account]) -> None:
    """Fill in the positions of accounts: in a statement after the lock, so that they are the latest."""
    by_id = {account.id: account for account in accounts}
    for row in run(POSITIONS, [list(by_id)]):
        _hold(by_id[row[0]], row)


def orders_read(condition: str, parameters: Sequence[Any]) -> list[tuple[int, Order]]:
    """Return (account id, order) of the orders that meet a condition."""
    return [
        (row[0], _order(dict(zip(ORDER_COLUMNS, row[1:], strict=True))))
        for row in run(f"{ORDERS} {condition}", parameters)
    ]


def client_order_ids_taken(wanted: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those (account id, client order id) that belong to an order already."""
    rows = [{"account_id": account, "client_order_id": name} for account, name in wanted]
    return {(row[0], row[1]) for row in run(TAKEN, [json_rows(rows)])}


def held_markets(venue: str, keys: Sequence[str]) -> tuple[set[MarketKey], dict[str, Terms]]:
    """Return the markets in which accounts hold contracts, and the terms of each account."""
    markets, terms = set(), {}
    for key, settings, kind, symbol in run(HELD, [venue, list(keys)]):
        terms[key] = _terms(key, settings)
        if symbol is not None:
            markets.add(MarketKey(MarketKind(kind), symbol))
    return markets, terms


def changes_write(changes: Changes) -> dict[tuple[int, str], int]:
    """Write everything in one statement; return the ids of the orders by account id and client order id."""
    parameters = {
        "now": changes.now,
        "accounts": json_rows(_account_rows(changes)),
        "positions": json_rows(_position_rows(changes)),
        "forgiven": json_rows(_forgiven_rows(changes)),
        "orders": json_rows([_order_row(changes.venue, *item) for item in changes.orders.items()]),
        "trades": json_rows(changes.trades),
    }
    return {(row[0], row[1]): row[2] for row in run(WRITE, parameters)}


def _object(text: str) -> dict[str, Any]:
    """Return a JSON column, whose text Django leaves as it is; its numbers keep their digits."""
    found: dict[str, Any] = _json.decode(text)
    return found


def _terms(key: str, settings: str) -> Terms:
    """Return the terms of an account; what somebody broke by hand must not hold up all the others."""
    try:
        return terms_of({"seed": key} | _object(settings))
    except ValueError as error:
        logger.warning("Paper account %s has the usual terms, since its own are wrong: %s", key, error)
        return Terms(seed=key)


def _account(row: Sequence[Any]) -> Account:
    ledger = _ledger(_object(row[4]), row[5], _object(row[6]))
    return Account(row[0], row[1], row[2], row[3], ledger, _terms(row[1], row[7]))


def _hold(account: Account, row: Sequence[Any]) -> None:
    held = Held(
        symbol=row[1],
        kind=MarketKind(row[2]),
        position_side=PositionSide(row[3]),
        quantity=plain(row[4]),
        cost=plain(row[5]),
        contract_size=plain(row[6]),
        margin_asset=row[7],
        leverage=row[8],
    )
    account.ledger.positions[held.key] = held


def _ledger(balances: Mapping[str, Any], leverage: int, leverages: Mapping[str, int]) -> Ledger:
    return Ledger(
        balances={
            asset: Balance(plain(Decimal(amounts["total"])), plain(Decimal(amounts["locked"])))
            for asset, amounts in balances.items()
        },
        leverage=leverage,
        leverages=leverages,
    )


def _order(row: dict[str, Any]) -> Order:
    amounts = {name: plain(value) for name, value in row.items() if isinstance(value, Decimal)}
    words = {
        "kind": MarketKind(row["kind"]),
        "side": Side(row["side"]),
        "type": OrderType(row["type"]),
        "position_side": PositionSide(row["position_side"]),
        "time_in_force": TimeInForce(row["time_in_force"]) if row["time_in_force"] else None,
        "working_type": WorkingType(row["working_type"]) if row["working_type"] else None,
        "status": VenueStatus(row["status"]),
    }
    return Order(**(row | amounts | words))


def _order_row(venue: str, identity: tuple[int, str], order: Order) -> dict[str, Any]:
    row = {name: getattr(order, name) for name in ORDER_COLUMNS}
    words = {"time_in_force": order.time_in_force or "", "working_type": order.working_type or ""}
    return row | words | {"account_id": identity[0], "venue": venue}


def _account_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {"id": account_id, "balances": after.balances}
        for account_id, after in changes.after.items()
        if after.balances != changes.before[account_id].balances
    ]


def _position_rows(changes: Changes) -> list[dict[str, Any]]:
    rows = []
    for account_id, after in changes.after.items():
        old, new = changes.before[account_id].positions, after.positions
        for key in sorted(old.keys() | new.keys()):
            held = new.get(key)
            if held != old.get(key):
                row = {name.name: getattr(held or old[key], name.name) for name in fields(Held)}
                rows.append(row | {"account_id": account_id} | ({} if held else {"quantity": 0}))
    return rows


def _forgiven_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {"account_id": account_id, "asset": asset, "amount": amount}
        for account_id, after in changes.after.items()
        for asset, amount in after.forgiven.items()
    ]
