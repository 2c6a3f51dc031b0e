"""Candles, mark prices and open interest of Binance's three markets, as the order proxy's clients ask for them."""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.permissions import MayRead
from copytrade.lib.api.responses import success
from copytrade.lib.errors import InvalidInput
from markets import live
from markets.api import examples, parameters, shapes
from markets.api.parameters import CONTRACTS, read_interval, read_kind, read_period, read_span, read_symbol
from markets.api.serializers import (
    CandlesAnswer,
    MarkPriceAnswer,
    OpenInterestAnswer,
    OpenInterestHistoryAnswer,
    candles_meta,
    live_meta,
)
from markets.models import Market
from markets.selectors.candles import Span, candles_list, series_of
from markets.selectors.markets import market_of_type

HISTORY_KEPT = timedelta(days=30)


class CandlesView(APIView):
    """Stored candles."""

    permission_classes = [MayRead]
    failures = ("404",)

    @extend_schema(
        operation_id="binance_klines",
        summary="Stored candles of any market type",
        tags=["Market data"],
        parameters=[
            parameters.SYMBOL,
            parameters.INTERVAL,
            parameters.ANY_TYPE,
            parameters.limit_parameter(parameters.DEFAULT_CANDLES, parameters.MOST_CANDLES),
            parameters.START,
            parameters.END,
        ],
        responses=CandlesAnswer,
        examples=examples.answer("Candles", [examples.CANDLE], examples.CANDLES_META),
    )
    def get(self, request: Request) -> Response:
        """Return the latest candles, or the oldest from `startTime` on, oldest first; the newest may still be open.

        They come from the store, which is in step with the venue but for `lag_seconds`. Symbols and intervals that
        are not kept have none.
        """
        query = request.query_params
        interval = read_interval(query)
        span = read_span(query, default=parameters.DEFAULT_CANDLES, most=parameters.MOST_CANDLES)
        market = market_of_type(read_kind(query), read_symbol(query))
        now, candles = timezone.now(), candles_list(market, interval, span)
        meta = candles_meta(market, interval, span.limit, series_of(market, interval), now)
        return success([shapes.candle_item(candle, now) for candle in candles], meta=meta)


class ContractView(APIView):
    """What a venue says of a contract right now."""

    permission_classes = [MayRead]
    failures = ("404", "422")

    def market(self, request: Request) -> Market:
        """Return the contract that a request asks for."""
        query = request.query_params
        return market_of_type(read_kind(query, CONTRACTS), read_symbol(query))


class MarkPriceView(ContractView):
    """Mark prices."""

    @extend_schema(
        operation_id="binance_mark_price",
        summary="Mark price and funding of a contract",
        tags=["Market data"],
        parameters=[parameters.SYMBOL, parameters.CONTRACT_TYPE],
        responses=MarkPriceAnswer,
        examples=examples.answer("Mark price", examples.MARK_PRICE, examples.LIVE_META),
    )
    def get(self, request: Request) -> Response:
        """Return the mark price, at most 2 seconds old; where the venue fails, the last one, marked as stale."""
        market = self.market(request)
        answer = live.mark_price(market)
        return success(shapes.mark_price_item(market, answer), meta=live_meta(answer, timezone.now()))


class OpenInterestView(ContractView):
    """Open interest."""

    @extend_schema(
        operation_id="binance_open_interest",
        summary="Open interest of a contract",
        tags=["Market data"],
        parameters=[parameters.SYMBOL, parameters.CONTRACT_TYPE],
        responses=OpenInterestAnswer,
        examples=examples.answer("Open interest", examples.OPEN_INTEREST, examples.LIVE_META),
    )
    def get(self, request: Request) -> Response:
        """Return the open interest, at most 15 seconds old; where the venue fails, the last one, marked as stale."""
        market = self.market(request)
        answer = live.open_interest(market)
        return success(shapes.open_interest_item(market, answer), meta=live_meta(answer, timezone.now()))


class OpenInterestHistoryView(ContractView):
    """History of the open interest."""

    @extend_schema(
        operation_id="binance_open_interest_history",
        summary="History of the open interest of a contract",
        tags=["Market data"],
        parameters=[
            parameters.SYMBOL,
            parameters.PERIOD,
            parameters.CONTRACT_TYPE,
            parameters.limit_parameter(parameters.DEFAULT_HISTORY, parameters.MOST_HISTORY),
            parameters.START,
            parameters.END,
        ],
        responses=OpenInterestHistoryAnswer,
        examples=examples.answer("History", [examples.OPEN_INTEREST_POINT], examples.LIVE_META),
    )
    def get(self, request: Request) -> Response:
        """Return up to a month of history, oldest first and at most a minute old; stale where the venue fails."""
        query = request.query_params
        period = read_period(query)
        span = read_span(query, default=parameters.DEFAULT_HISTORY, most=parameters.MOST_HISTORY)
        _check_history(span)
        market = self.market(request)
        answer = live.open_interest_history(market, period=period, limit=span.limit, start=span.start, end=span.end)
        return success(shapes.open_interest_points(answer), meta=live_meta(answer, timezone.now()))


def _check_history(span: Span) -> None:
    """Refuse what Binance no longer has, which it would itself call an invalid parameter and no more."""
    if span.start is not None and span.start < timezone.now() - HISTORY_KEPT:
        message = f"must not be more than {HISTORY_KEPT.days} days ago: Binance keeps no older history"
        raise InvalidInput([{"path": "startTime", "message": message}])
