"""How the copies of a leader stand: all that planning one signal needs, in as many statements for any number."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from copytrade.lib.sql import look_up_by_number, numbers, run
from copytrade.lib.words import by_word
from markets.venues.vocabulary import MarketKind
from replication.engine.by_hand import Locked, closed_by_hand
from replication.engine.copy_terms import terms_of
from replication.engine.load_statements import LOCK, PARTS, load_statement
from replication.engine.rows import CopyRow
from replication.facts import ZERO, CopyTerms, FollowerState
from replication.models import Signal
from replication.vocabulary import EXITS, Action, PositionWord

# What an account may hold times its funds where nobody told its leverage.
USUAL_LEVERAGE = {"spot": Decimal(1), "equity": Decimal(5)}
USUAL_CONTRACT_LEVERAGE = Decimal(20)
SIDES = by_word(PositionWord)


class Follower(msgspec.Struct, frozen=True):
    """A copy of the leader: how it sizes and stands, and the market that it trades this signal in."""

    copy_id: int
    account_id: int
    user_id: int
    venue: str
    live: bool
    live_enabled: bool
    account_state: str
    account_reason: str
    hedge_mode: bool
    leverage: Decimal | None
    market_id: int | None
    terms: CopyTerms
    state: FollowerState
    held_side: PositionWord | None = None
    """Which side the copy's own position is, where it has one that follows the leader's."""
    closable: Decimal = ZERO
    """What the account holds on that side, for all its copies and its owner; asked for exits only."""
    others_under_way: bool = False
    """Whether other copies of the account have orders in that market that are not final."""
    others_leaving: Decimal = ZERO
    """What of it they may be closing just now."""
    entering: bool = False
    """Whether the copy has an entry under way in this market."""
    equity_asset: str = ""
    """What the account's money, and with it `state.funds` and `state.lost_today`, is counted in."""
    unbooked: bool = False
    """Whether the account holds less than the copy does since a trade is stored that the copy has not taken up."""


class Question(NamedTuple):
    """Which copies are wanted: those after one, at most so many; `only` these."""

    after: int = 0
    limit: int = 1_000_000
    only: Sequence[int] | None = None


class Loaded(NamedTuple):
    """The copies that were `chosen`, in the order of their numbers, and how those stand that have not ended since.

    `closing` are accounts, and the markets in which their owners close by hand what they hold.
    """

    followers: Sequence[Follower]
    chosen: Sequence[int]
    closing: Collection[tuple[int, int]] = ()


def followers_load(signal: Signal, question: Question, markets: Mapping[str, int], *, now: datetime) -> Loaded:
    """Return the copies of the signal's leader with their accounts locked.

    Needs a transaction. What is ordered and not final counts as if it were filled. What only entries are judged by is
    read for entries only.
    """
    exits = Action(signal.action) in EXITS
    which = {
        "trader": signal.trader_id,
        "after": question.after,
        "limit": question.limit,
        "only": None if question.only is None else list(question.only),
    }
    look_up_by_number()
    locked = [Locked._make(row) for row in run(LOCK, which)]
    # Those alone, or another one would move up for one that ended while its account was waited for.
    chosen = sorted(row.copy_id for row in locked)
    # Before what is held: one that is filled meanwhile is in both looks then, and not in neither.
    closing = closed_by_hand(locked) if exits else ()
    part = bool(signal.numbers.get("part_of_order"))
    parameters = {
        "only": numbers(chosen),
        "signal": signal.pk,
        "symbol": signal.symbol,
        "side": signal.side,
        "markets": msgspec.json.encode(markets).decode(),
        "today": now.astimezone(UTC).date(),
    } | (_parts(signal) if part else {})
    rows = run(load_statement(exits=exits, parts=part), parameters)
    return Loaded([_follower(row) for row in map(CopyRow._make, rows)], chosen, closing)


def _parts(signal: Signal) -> dict[str, Any]:
    """Return the other parts of the leader's order, and after which signal the position began that they are of."""
    parts, closed = run(
        PARTS,
        {
            "order": signal.order_id,
            "signal": signal.pk,
            "trader": signal.trader_id,
            "symbol": signal.symbol,
            "side": signal.side,
        },
    )[0]
    return {"parts": parts, "closed": closed}


def _follower(row: CopyRow) -> Follower:
    return Follower(
        row.copy_id,
        row.account_id,
        row.user_id,
        row.venue,
        row.mode == "live",
        row.live_enabled,
        row.account_state,
        row.account_reason,
        row.hedge_mode,
        row.leverage,
        row.market_id,
        terms_of(row),
        FollowerState(  # by place: by name it takes twice as long
            row.funds,
            row.held,
            row.remainder,
            row.leader_opened_at,
            row.open_positions,
            row.order_worth,
            row.order_carried,
            row.symbol_worth,
            row.copy_worth,
            row.account_worth,
            row.account_max_worth,
            row.lost_today,
            row.opposite_leader,
            row.taken_by,
            earlier_order_open=row.earlier_order_open,
        ),
        None if row.held_side is None else SIDES[row.held_side],
        row.closable,
        row.others_under_way,
        row.others_leaving,
        row.entering,
        row.equity_asset,
        row.unbooked,
    )


def usual_leverage(kind: MarketKind) -> Decimal:
    """Return what accounts trade contracts of a kind with, where they were not told otherwise."""
    return USUAL_LEVERAGE.get(kind.value, USUAL_CONTRACT_LEVERAGE)


def opposite(side: PositionWord) -> PositionWord:
    """Return the other side."""
    return PositionWord.SHORT if side == PositionWord.LONG else PositionWord.LONG
