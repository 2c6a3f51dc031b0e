"""How good a leader was: a pure function of what each day brought.

    score = 50 + 50 x quality x confidence

- quality, -1 to 1: half the share of the net result in all that was won and lost, three tenths the win rate
  (from -1 for no win to 1 for no loss), less two tenths of the deepest fall as a share of all won and lost.
- confidence, 0 to 1: trades / (trades + 20). Few trades prove little, so they stay near 50.

Shares make leaders with small and with large accounts comparable. A leader without closed trades has 50.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

NEUTRAL = Decimal(50)
WEIGHT_RESULT = Decimal("0.5")
WEIGHT_WINS = Decimal("0.3")
WEIGHT_DRAWDOWN = Decimal("0.2")
TRADES_FOR_HALF_CONFIDENCE = 20
SCORE_PLACES = Decimal("0.01")
RATE_PLACES = Decimal("0.000001")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Day:
    """What a leader's closing trades brought on one UTC day; `gross_loss` is zero or negative."""

    date: date
    realized_pnl: Decimal
    gross_profit: Decimal
    gross_loss: Decimal
    closed_trades: int
    wins: int
    losses: int
    events: int


@dataclass(frozen=True, slots=True)
class Result:
    """A score and what it is made of; None is "cannot be computed"."""

    window: int
    score: Decimal
    realized_pnl: Decimal
    win_rate: Decimal | None
    max_drawdown: Decimal | None
    closed_trades: int
    as_of: date


def score_window(days: Iterable[Day], *, window: int, as_of: date) -> Result:
    """Score the last `window` UTC days up to `as_of`, and the day after it: a source may be some hours ahead."""
    since, until = as_of - timedelta(days=window - 1), as_of + timedelta(days=1)
    inside = sorted((day for day in days if since <= day.date <= until), key=lambda day: day.date)
    with localcontext(prec=120):
        return _score(inside, window, as_of)


def _score(days: list[Day], window: int, as_of: date) -> Result:
    trades = sum(day.closed_trades for day in days)
    wins, losses = sum(day.wins for day in days), sum(day.losses for day in days)
    net = sum((day.realized_pnl for day in days), ZERO)
    gross = sum((day.gross_profit - day.gross_loss for day in days), ZERO)
    drawdown = _max_drawdown(days) if trades else None
    win_rate = Decimal(wins) / (wins + losses) if wins + losses else None
    quality = _quality(net, gross, win_rate, drawdown)
    confidence = Decimal(trades) / (trades + TRADES_FOR_HALF_CONFIDENCE)
    score = NEUTRAL + NEUTRAL * quality * confidence
    return Result(
        window=window,
        score=min(max(score, ZERO), 2 * NEUTRAL).quantize(SCORE_PLACES, ROUND_HALF_EVEN),
        realized_pnl=net,
        win_rate=None if win_rate is None else win_rate.quantize(RATE_PLACES, ROUND_HALF_EVEN),
        max_drawdown=drawdown,
        closed_trades=trades,
        as_of=as_of,
    )


def _quality(net: Decimal, gross: Decimal, win_rate: Decimal | None, drawdown: Decimal | None) -> Decimal:
    if not gross or win_rate is None or drawdown is None:
        return ZERO
    return WEIGHT_RESULT * net / gross + WEIGHT_WINS * (2 * win_rate - 1) - WEIGHT_DRAWDOWN * drawdown / gross


def _max_drawdown(days: list[Day]) -> Decimal:
    """Return the deepest fall of the summed result from a peak, by the ends of days, starting from zero."""
    total = peak = deepest = ZERO
    for day in days:
        total += day.realized_pnl
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest
