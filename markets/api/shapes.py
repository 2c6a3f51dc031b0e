"""The shapes of this app on the wire: snake_case, amounts as strings in their own digits, UTC with milliseconds."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from copytrade.lib.wire import from_milliseconds, iso_time, iso_time_or_none, plain_digits
from markets.live import LiveAnswer
from markets.models import Candle, CandleSeries, Market
from markets.prices import is_stale, price_for
from markets.services.sync import TaskState
from markets.venues.base import PriceReport
from markets.venues.vocabulary import OrderType, TimeInForce

Amount = Annotated[str, msgspec.Meta(pattern=r"^-?\d+(\.\d+)?$", examples=["0.001"])]
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, examples=["2026-02-05T00:05:00.000Z"])]
Kind = Literal["spot", "usd_m", "coin_m", "equity"]


class MarketItem(msgspec.Struct, kw_only=True):
    """A market. `contract_size` is in the quote asset for inverse contracts (`coin_m`), else in the base asset."""

    id: int
    venue: str
    symbol: str
    kind: Kind
    base_asset: str
    quote_asset: str
    margin_asset: str
    pair: str
    contract_type: str
    contract_size: Amount
    status: str
    trading: bool
    delisted_at: Time | None


class MarketFilters(msgspec.Struct, kw_only=True):
    """The rules of a market, null where it has none. Those of MARKET orders hold on top of the others."""

    price_tick: Amount | None
    price_min: Amount | None
    price_max: Amount | None
    quantity_step: Amount | None
    quantity_min: Amount | None
    quantity_max: Amount | None
    market_quantity_step: Amount | None
    market_quantity_min: Amount | None
    market_quantity_max: Amount | None
    notional_min: Amount | None
    notional_max: Amount | None
    notional_min_on_market: bool
    notional_max_on_market: bool
    price_factor_up: Amount | None
    price_factor_down: Amount | None
    trigger_protect: Amount | None


class MarketPrice(msgspec.Struct, kw_only=True):
    """The newest prices that are known. A stale one takes no new risk."""

    last: Amount | None
    bid: Amount | None
    ask: Amount | None
    mid: Amount | None
    mark: Amount | None
    time: Time
    age_ms: int
    stale: bool


class MarketDetail(MarketItem, kw_only=True):
    """A market with its rules, and its price where one is known.

    `order_types` and `times_in_force` are those that the market takes, in this API's words (GTX is post-only, which
    Binance's spot market calls LIMIT_MAKER); empty where the venue does not say.
    """

    order_types: list[OrderType]
    times_in_force: list[TimeInForce]
    filters: MarketFilters
    price: MarketPrice | None


class CandleItem(msgspec.Struct, kw_only=True):
    """A candle. Volumes are in the base asset (`coin_m`: contracts), quote volumes in the quote asset (base)."""

    open_time: Time
    close_time: Time
    open_price: Amount
    high_price: Amount
    low_price: Amount
    close_price: Amount
    volume: Amount
    quote_volume: Amount
    trades: int
    taker_buy_base_volume: Amount
    taker_buy_quote_volume: Amount
    closed: bool


class MarkPrice(msgspec.Struct, kw_only=True):
    """Mark price and funding of a contract. Amounts that the venue does not tell are null."""

    symbol: str
    market_type: Kind
    mark_price: Amount
    index_price: Amount | None
    estimated_settle_price: Amount | None
    last_funding_rate: Amount | None
    interest_rate: Amount | None
    next_funding_time: Time | None
    time: Time | None


class OpenInterest(msgspec.Struct, kw_only=True):
    """What is open in a contract: base asset for `usd_m`, contracts for `coin_m`."""

    symbol: str
    market_type: Kind
    open_interest: Amount
    time: Time | None


class OpenInterestPoint(msgspec.Struct, kw_only=True):
    """What was open at a time; the value is in the quote asset for `usd_m`, in the base asset for `coin_m`."""

    timestamp: Time
    sum_open_interest: Amount
    sum_open_interest_value: Amount


class SeriesStatus(msgspec.Struct, kw_only=True):
    """How far a series is. `lag_seconds` is the age of its newest price, `missing` are still to be fetched."""

    symbol: str
    market_type: Kind
    interval: str
    last_run_at: Time | None
    last_success_at: Time | None
    lag_seconds: int | None
    rows: int
    missing: int
    newest_open_time: Time | None
    running: bool
    error: str | None


class TaskStatus(msgspec.Struct, kw_only=True):
    """What became of a task. PENDING: it waits for a worker; UNKNOWN: nothing can be said right now."""

    task_id: str
    state: str
    result: dict[str, Any] | None
    error: str | None


def market_item(market: Market) -> MarketItem:
    """Return a market."""
    return MarketItem(**_market_values(market))


def market_detail(market: Market, price: PriceReport | None, now: datetime) -> MarketDetail:
    """Return a market with everything that is known of it."""
    rules = {name: _amount_or_same(value) for name, value in asdict(market.filters).items()}
    return MarketDetail(
        **_market_values(market),
        order_types=[OrderType(word) for word in market.order_types],
        times_in_force=[TimeInForce(word) for word in market.times_in_force],
        filters=MarketFilters(**rules),
        price=market_price(price, now) if price else None,
    )


def market_price(price: PriceReport, now: datetime) -> MarketPrice:
    """Return a price with its age."""
    both = price.bid is not None and price.ask is not None
    return MarketPrice(
        last=_amount(price.last),
        bid=_amount(price.bid),
        ask=_amount(price.ask),
        mid=_amount(price_for(price, "mid")) if both else None,
        mark=_amount(price.mark),
        time=iso_time(price.time),
        age_ms=_age_ms(price.time, now),
        stale=is_stale(price, now),
    )


def candle_item(candle: Candle, now: datetime) -> CandleItem:
    """Return a candle."""
    amounts = ("open_price", "high_price", "low_price", "close_price", "volume", "quote_volume")
    takers = ("taker_buy_base_volume", "taker_buy_quote_volume")
    return CandleItem(
        open_time=iso_time(candle.open_time),
        close_time=iso_time(candle.close_time),
        trades=candle.trades,
        closed=candle.close_time < now,
        **{name: plain_digits(getattr(candle, name)) for name in (*amounts, *takers)},
    )


def mark_price_item(market: Market, answer: LiveAnswer) -> MarkPrice:
    """Return a mark price from the venue's own words."""
    said = answer.data
    return MarkPrice(
        symbol=market.symbol,
        market_type=market.kind,  # type: ignore[arg-type]
        mark_price=str(said["markPrice"]),
        index_price=_said(said, "indexPrice"),
        estimated_settle_price=_said(said, "estimatedSettlePrice"),
        last_funding_rate=_said(said, "lastFundingRate"),
        interest_rate=_said(said, "interestRate"),
        next_funding_time=_said_time(said, "nextFundingTime"),
        time=_said_time(said, "time"),
    )


def open_interest_item(market: Market, answer: LiveAnswer) -> OpenInterest:
    """Return an open interest from the venue's own words."""
    said = answer.data
    return OpenInterest(
        symbol=market.symbol,
        market_type=market.kind,  # type: ignore[arg-type]
        open_interest=str(said["openInterest"]),
        time=_said_time(said, "time"),
    )


def open_interest_points(answer: LiveAnswer) -> list[OpenInterestPoint]:
    """Return the history of an open interest from the venue's own words."""
    return [
        OpenInterestPoint(
            timestamp=iso_time(from_milliseconds(int(row["timestamp"]))),
            sum_open_interest=str(row["sumOpenInterest"]),
            sum_open_interest_value=str(row["sumOpenInterestValue"]),
        )
        for row in answer.data
    ]


def series_status(series: CandleSeries, now: datetime) -> SeriesStatus:
    """Return how far a series is."""
    lag = series.lag(now)
    return SeriesStatus(
        symbol=series.symbol,
        market_type=series.kind,  # type: ignore[arg-type]
        interval=series.interval,
        last_run_at=iso_time_or_none(series.last_run_at),
        last_success_at=iso_time_or_none(series.last_success_at),
        lag_seconds=None if lag is None else int(lag.total_seconds()),
        rows=series.rows,
        missing=series.missing,
        newest_open_time=iso_time_or_none(series.newest_open_time),
        running=series.claimed_until is not None and series.claimed_until > now,
        error=series.error or None,
    )


def task_status(task: TaskState) -> TaskStatus:
    """Return what became of a task."""
    result = task.result if isinstance(task.result, dict) else None
    return TaskStatus(task_id=task.id, state=task.state, result=result, error=task.error or None)


def _market_values(market: Market) -> dict[str, Any]:
    names = ("venue", "symbol", "kind", "base_asset", "quote_asset", "margin_asset", "pair", "contract_type", "status")
    return {
        "id": market.pk,
        **{name: getattr(market, name) for name in names},
        "contract_size": plain_digits(market.contract_size),
        "trading": market.trading,
        "delisted_at": iso_time_or_none(market.delisted_at),
    }


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain_digits(value)


def _amount_or_same(value: Any) -> Any:
    return plain_digits(value) if isinstance(value, Decimal) else value


def _said(said: Any, name: str) -> str | None:
    """Return what the venue said, None for nothing or an empty text."""
    value = said.get(name)
    return None if value in {None, ""} else str(value)


def _said_time(said: Any, name: str) -> str | None:
    value = said.get(name)
    return iso_time(from_milliseconds(int(value))) if value else None


def _age_ms(moment: datetime, now: datetime) -> int:
    return max(0, int((now - moment).total_seconds() * 1000))
