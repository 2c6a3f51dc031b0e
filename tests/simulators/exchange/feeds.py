"""The public streams: who listens to which, and what they are told when a price changes."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from tests.simulators.exchange.books import Book
from tests.simulators.exchange.kinds import Clock, Market, fixed

NAME = re.compile(r"([a-z0-9_]+)@(bookTicker|markPrice(?:@1s|@3s)?|aggTrade|trade)\Z")
AMOUNT = "0.001"
FUNDING_MS = 8 * 60 * 60 * 1000


class Listener:
    """A socket with its streams; with `combined` events are wrapped as `{"stream", "data"}`."""

    def __init__(self, market: Market, send: Callable[[bytes], None], *, combined: bool) -> None:
        self.market = market
        self.send = send
        self.combined = combined
        self.streams: list[str] = []

    def tell(self, stream: str, event: dict[str, Any]) -> None:
        """Send an event of one of its streams."""
        self.send(msgspec.json.encode({"stream": stream, "data": event} if self.combined else event))


class Feeds:
    """The listeners of every stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._listeners: defaultdict[tuple[Market, str], dict[str, list[Listener]]] = defaultdict(dict)

    def subscribe(self, listener: Listener, stream: str) -> bool:
        """Add a stream to a listener; return whether there is such a stream."""
        match = NAME.match(stream)
        if not match:
            return False
        if stream not in listener.streams:
            listener.streams.append(stream)
            self._listeners[listener.market, match[1].upper()].setdefault(stream, []).append(listener)
        return True

    def unsubscribe(self, listener: Listener, stream: str) -> None:
        """Take a stream from a listener."""
        if stream in listener.streams:
            listener.streams.remove(stream)
            symbol = stream.partition("@")[0].upper()
            self._listeners[listener.market, symbol][stream].remove(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        for stream in list(listener.streams):
            self.unsubscribe(listener, stream)

    def tell(self, book: Book) -> None:
        """Tell everybody who listens to a symbol what its prices are now."""
        streams = self._listeners.get((book.symbol.market, book.symbol.name))
        for stream, listeners in (streams or {}).items():
            event = self._event(book, stream)
            for listener in list(listeners):
                listener.tell(stream, event)

    def tell_one(self, book: Book, listener: Listener, stream: str) -> None:
        """Tell a new listener the present state, which a busy market would have told it at once."""
        listener.tell(stream, self._event(book, stream))

    def _event(self, book: Book, stream: str) -> dict[str, Any]:
        kind = stream.partition("@")[2]
        now = self._clock.ms()
        if kind == "bookTicker":
            return self._book_ticker(book, now)
        if kind.startswith("markPrice"):
            return self._mark_price(book, now)
        return self._trade(book, kind, now)

    def _book_ticker(self, book: Book, now: int) -> dict[str, Any]:
        symbol = book.symbol
        prices = {
            "u": next(self._numbers),
            "s": symbol.name,
            "b": fixed(book.bid, symbol.price_places),
            "B": AMOUNT,
            "a": fixed(book.ask, symbol.price_places),
            "A": AMOUNT,
        }
        if symbol.market is Market.SPOT:
            return prices
        event = {"e": "bookTicker", "E": now, "T": now, **prices}
        return {**event, "ps": symbol.pair} if symbol.market is Market.COIN_M else event

    @staticmethod
    def _mark_price(book: Book, now: int) -> dict[str, Any]:
        mark = fixed(book.mark, 8)
        return {
            "e": "markPriceUpdate",
            "E": now,
            "s": book.symbol.name,
            "p": mark,
            "P": mark,
            "i": mark,
            "r": "0.00010000",
            "T": (now // FUNDING_MS + 1) * FUNDING_MS,
        }

    def _trade(self, book: Book, kind: str, now: int) -> dict[str, Any]:
        number = next(self._numbers)
        event: dict[str, Any] = {
            "e": kind,
            "E": now,
            "s": book.symbol.name,
            "p": fixed(book.price, book.symbol.price_places),
            "q": AMOUNT,
            "T": now,
            "m": False,
        }
        return {**event, "a": number, "f": number, "l": number} if kind == "aggTrade" else {**event, "t": number}
