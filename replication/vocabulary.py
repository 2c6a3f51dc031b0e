"""The words in which copies speak (pure)."""

from enum import StrEnum


class Strategy(StrEnum):
    """How a leader's opening trade becomes an amount of the follower's."""

    FIXED_RATIO = "FIXED_RATIO"
    PERCENTAGE = "PERCENTAGE"
    FIXED_QUANTITY = "FIXED_QUANTITY"
    FIXED_AMOUNT = "FIXED_AMOUNT"
    EQUITY_PROPORTIONAL = "EQUITY_PROPORTIONAL"
    MULTIPLIER_TIERS = "MULTIPLIER_TIERS"


class CopyState(StrEnum):
    """Whether a copy follows: a paused one follows exits only, one that is stopping closes what it has."""

    ACTIVE = "active"
    PAUSED = "paused"
    STOPPING = "stopping"
    ENDED = "ended"


class MinimumPolicy(StrEnum):
    """What happens to what is smaller than the market's smallest order."""

    SKIP = "skip"
    ACCUMULATE = "accumulate"


class PositionWord(StrEnum):
    """Which way a position goes."""

    LONG = "LONG"
    SHORT = "SHORT"


class Action(StrEnum):
    """What a leader's trade does to the leader's position; CLOSE leaves nothing of it."""

    OPEN = "OPEN"
    INCREASE = "INCREASE"
    REDUCE = "REDUCE"
    CLOSE = "CLOSE"


EXITS = frozenset({Action.REDUCE, Action.CLOSE})


class SignalSource(StrEnum):
    """What a signal came of."""

    EVENT = "event"  # what a watched leader was seen to trade
    FILL = "fill"  # what an account that leads traded
    FLAT = "flat"  # what a leader holds shows that a position was closed, or made smaller, unseen
    CATCH_UP = "catch_up"  # what the leader held when a copy began
    STOP = "stop"  # a copy ends, or one of its positions is closed


class SignalState(StrEnum):
    """PENDING waits to be planned; PLANNED has an intent for each copy; DONE: all of these are final."""

    PENDING = "pending"
    PLANNED = "planned"
    DONE = "done"


class IntentState(StrEnum):
    """What became of a signal at one copy.

    WAITING comes after an earlier order of the same position; PLANNED has orders under way. The others are final.
    """

    WAITING = "waiting"
    PLANNED = "planned"
    FILLED = "filled"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    FAILED = "failed"


UNDER_WAY = frozenset({IntentState.WAITING, IntentState.PLANNED})


class Reason(StrEnum):
    """Why a copy was skipped, capped or failed."""

    COPY_PAUSED = "COPY_PAUSED"
    COPY_ENDED = "COPY_ENDED"
    ACCOUNT_PAUSED = "ACCOUNT_PAUSED"
    TRADING_HALTED = "TRADING_HALTED"
    LEADER_PAUSED = "LEADER_PAUSED"
    LIVE_TRADING_OFF = "LIVE_TRADING_OFF"
    SYMBOL_UNMAPPED = "SYMBOL_UNMAPPED"
    SYMBOL_NOT_TRADING = "SYMBOL_NOT_TRADING"
    SYMBOL_NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"
    SYMBOL_DENIED = "SYMBOL_DENIED"
    SHORT_IMPOSSIBLE = "SHORT_IMPOSSIBLE"
    OUTSIDE_HOURS = "OUTSIDE_HOURS"
    SIGNAL_TOO_OLD = "SIGNAL_TOO_OLD"
    BEFORE_COPY = "BEFORE_COPY"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    SLIPPAGE = "SLIPPAGE"
    NO_PRICE = "NO_PRICE"
    NO_EQUITY = "NO_EQUITY"
    TERMS_INCOMPLETE = "TERMS_INCOMPLETE"
    BELOW_FIRST_TIER = "BELOW_FIRST_TIER"
    OTHER_MONEY = "OTHER_MONEY"
    DAILY_LOSS = "DAILY_LOSS"
    OPPOSITE_LEADER = "OPPOSITE_LEADER"
    MARKET_TAKEN = "MARKET_TAKEN"
    MAX_POSITIONS = "MAX_POSITIONS"
    MAX_ORDER = "MAX_ORDER"
    MAX_SYMBOL = "MAX_SYMBOL"
    MAX_EXPOSURE = "MAX_EXPOSURE"
    MAX_LEVERAGE = "MAX_LEVERAGE"
    ACCOUNT_EXPOSURE = "ACCOUNT_EXPOSURE"
    FUNDS = "FUNDS"
    MAX_QUANTITY = "MAX_QUANTITY"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    ACCUMULATED = "ACCUMULATED"
    NOTHING_HELD = "NOTHING_HELD"
    EARLIER_ORDER_OPEN = "EARLIER_ORDER_OPEN"
    TAKEN_OVER = "TAKEN_OVER"
    NOT_DECIDED = "NOT_DECIDED"


# Codes of exits that wait without anything having been decided: nothing was ordered, and nothing is owed.
UNDECIDED = (Reason.NOT_DECIDED, Reason.TERMS_INCOMPLETE)
