"""The endpoints of market data, which need no account."""

from decimal import Decimal
from typing import Any

import msgspec

from tests.simulators.exchange.books import Book
from tests.simulators.exchange.calls import Call
from tests.simulators.exchange.candles import check_interval, latest_opens, length_of
from tests.simulators.exchange.kinds import FUTURES, Market, fixed
from tests.simulators.exchange.refusals import Refusal, invalid, missing

DEPTH = 20
AMOUNT = Decimal("0.5")
DAY_MS = 86_400_000
FUNDING_MS = 8 * 60 * 60 * 1000
OI_PERIODS = frozenset({"5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"})
OI_KEPT_MS = 30 * DAY_MS
INVERSE_SPAN_MS = 200 * DAY_MS
OPEN_INTEREST = 100_000


def ping(call: Call) -> Any:
    """GET ping."""
    return {}


def time(call: Call) -> Any:
    """GET time."""
    return {"serverTime": call.now}


def exchange_info(call: Call) -> bytes:
    """GET exchangeInfo; the spot market takes `symbol` or `symbols`, the others ignore them."""
    catalogue = call.venue.catalogues[call.market]
    names: list[str] = []
    if call.market is Market.SPOT:
        names = _names(call)
        if any(name not in catalogue.symbols for name in names):
            raise Refusal(-1121)
    return catalogue.encoded(call.now, names)


def _names(call: Call) -> list[str]:
    one, several = call.params.get("symbol"), call.params.get("symbols")
    if not several:
        return [one] if one else []
    try:
        return msgspec.json.decode(several, type=list[str])
    except msgspec.DecodeError:
        raise Refusal(-1100, "Illegal characters found in parameter 'symbols'.") from None


def klines(call: Call) -> bytes:
    """GET klines: rows of twelve, the last one still open."""
    params = call.params
    book, interval = call.book, params.text("interval")
    check_interval(call.market, interval)
    limit = params.limit(500, 1000 if call.market is Market.SPOT else 1500)
    span = (params.number("startTime"), params.number("endTime"))
    if call.market is Market.COIN_M:
        span = _inverse_span(interval, call.now, span, limit)
    return call.venue.candles.body(book, interval, call.now, span, limit)


def _inverse_span(
    interval: str, now: int, span: tuple[int | None, int | None], limit: int
) -> tuple[int | None, int | None]:
    """Return what COIN-M makes of a span: at most 200 days, and the latest `limit` candles in it."""
    start, end = span
    if start is None:
        return span
    if end is not None and end - start > INVERSE_SPAN_MS:
        raise Refusal(-1127, "More than 200 days between startTime and endTime.")
    end = min(start + INVERSE_SPAN_MS if end is None else end, now)
    return max(start, latest_opens(interval, end, limit)[0]), end


def depth(call: Call) -> Any:
    """GET depth: `limit` levels a tick apart."""
    book, limit = call.book, call.params.limit(100, 5000)
    places, digits, tick = book.symbol.price_places, book.symbol.quantity_places, book.symbol.prices.step
    size = fixed(AMOUNT if digits else Decimal(50), digits)
    levels = range(min(limit, DEPTH))
    body: dict[str, Any] = {
        "lastUpdateId": 1_000_000 + book.updates,
        "bids": [[fixed(book.bid - tick * level, places), size] for level in levels],
        "asks": [[fixed(book.ask + tick * level, places), size] for level in levels],
    }
    if call.market in FUTURES:
        body.update(E=call.now, T=call.now)
    return {**body, "symbol": book.symbol.name, "pair": book.symbol.pair} if call.market is Market.COIN_M else body


def _one_or_all(call: Call, row: Any) -> Any:
    """Return the row of one symbol or of all; COIN-M answers with a list even for one."""
    if call.params.get("symbol"):
        single = row(call.book, call)
        return [single] if call.market is Market.COIN_M else single
    return [row(book, call) for book in call.venue.books[call.market].values()]


def ticker_price(call: Call) -> Any:
    """GET ticker/price."""
    return _one_or_all(call, _price_row)


def _price_row(book: Book, call: Call) -> dict[str, Any]:
    row: dict[str, Any] = {"symbol": book.symbol.name, "price": fixed(book.price, book.symbol.price_places)}
    return row if call.market is Market.SPOT else {**row, "time": call.now, **_pair(book, "ps")}


def book_ticker(call: Call) -> Any:
    """GET ticker/bookTicker."""
    return _one_or_all(call, _book_row)


def _book_row(book: Book, call: Call) -> dict[str, Any]:
    symbol = book.symbol
    size = fixed(AMOUNT if symbol.quantity_places else Decimal(50), symbol.quantity_places)
    row: dict[str, Any] = {
        "symbol": symbol.name,
        "bidPrice": fixed(book.bid, symbol.price_places),
        "bidQty": size,
        "askPrice": fixed(book.ask, symbol.price_places),
        "askQty": size,
    }
    if call.market is Market.SPOT:
        return row
    return {**row, "time": call.now, "lastUpdateId": 1_000_000 + book.updates, **_pair(book, "pair")}


def _pair(book: Book, name: str) -> dict[str, str]:
    return {name: book.symbol.pair} if book.symbol.market is Market.COIN_M else {}


def ticker_day(call: Call) -> Any:
    """GET ticker/24hr."""
    return _one_or_all(call, _day_row)


def _day_row(book: Book, call: Call) -> dict[str, Any]:
    symbol, now = book.symbol, call.now
    places = symbol.price_places
    rows = msgspec.json.decode(call.venue.candles.body(book, "1h", now, (None, None), 24), type=list[list[Any]])
    first = Decimal(rows[0][1]) if rows else book.price
    change = book.price - first
    volume, worth = (sum((Decimal(row[column]) for row in rows), Decimal(0)) for column in (5, 7))
    coin = call.market is Market.COIN_M
    return {
        "symbol": symbol.name,
        **_pair(book, "pair"),
        "priceChange": fixed(change, places),
        "priceChangePercent": fixed(change * 100 / first, 3),
        "weightedAvgPrice": fixed((book.price + first) / 2, places),
        "lastPrice": fixed(book.price, places),
        "lastQty": "1",
        "openPrice": fixed(first, places),
        "highPrice": fixed(max(Decimal(row[2]) for row in rows), places),
        "lowPrice": fixed(min(Decimal(row[3]) for row in rows), places),
        "volume": fixed(volume, symbol.quantity_places),
        "baseVolume" if coin else "quoteVolume": fixed(worth, 8),
        "openTime": now - DAY_MS,
        "closeTime": now,
        "firstId": 1,
        "lastId": 1000,
        "count": 1000,
    }


def premium_index(call: Call) -> Any:
    """GET premiumIndex."""
    return _one_or_all(call, _premium_row)


def _premium_row(book: Book, call: Call) -> dict[str, Any]:
    mark = fixed(book.mark, 8)
    return {
        "symbol": book.symbol.name,
        **_pair(book, "pair"),
        "markPrice": mark,
        "indexPrice": mark,
        "estimatedSettlePrice": mark,
        "lastFundingRate": "0.00010000",
        "interestRate": "0.00010000",
        "nextFundingTime": (call.now // FUNDING_MS + 1) * FUNDING_MS,
        "time": call.now,
    }


def open_interest(call: Call) -> Any:
    """GET openInterest: base units, or contracts on COIN-M."""
    book = call.book
    row: dict[str, Any] = {
        "symbol": book.symbol.name,
        "openInterest": fixed(_interest(call.now, length_of("5m")), book.symbol.quantity_places),
        "time": call.now,
    }
    return {**row, **_pair(book, "pair"), "contractType": book.symbol.contract_type} if _pair(book, "p") else row


def _interest(moment: int, length: int) -> Decimal:
    """Return an open interest that depends on nothing but the time."""
    return Decimal(OPEN_INTEREST + moment // length % 997)


def open_interest_history(call: Call) -> Any:
    """GET /futures/data/openInterestHist: the latest month, by `symbol` (USD-M) or by `pair` (COIN-M)."""
    params = call.params
    period = params.text("period")
    if period not in OI_PERIODS:
        raise invalid("period")
    length, limit = length_of(period), params.limit(30, 500)
    start, end = params.number("startTime"), min(params.number("endTime") or call.now, call.now)
    if start is not None and start < call.now - OI_KEPT_MS:
        raise invalid("startTime")
    last = end // length * length
    first = max(last - (limit - 1) * length, call.now - OI_KEPT_MS)
    if start is not None:
        first = max(-(-start // length) * length, first if params.get("endTime") else 0)
    book = _of_history(call)
    return [_history_row(book, moment, length) for moment in range(first, last + 1, length)][:limit]


def _of_history(call: Call) -> Book:
    if call.market is Market.USD_M:
        return call.book
    pair = call.params.text("pair")
    for book in call.venue.books[Market.COIN_M].values():
        if book.symbol.pair == pair:
            return book
    raise missing("pair")


def _history_row(book: Book, moment: int, length: int) -> dict[str, Any]:
    amount = _interest(moment, length)
    row: dict[str, Any] = {
        "sumOpenInterest": fixed(amount, 8 if book.symbol.market is Market.USD_M else 0),
        "sumOpenInterestValue": fixed(book.symbol.value(amount, book.mark), 8),
        "timestamp": moment,
    }
    if book.symbol.market is Market.USD_M:
        return {"symbol": book.symbol.name, **row, "CMCCirculatingSupply": "19900000.00000000"}
    return {"pair": book.symbol.pair, "contractType": book.symbol.contract_type, **row}
