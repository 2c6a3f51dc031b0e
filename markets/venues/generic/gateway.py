"""The way to one exchange: its markets, questions for everyone and for accounts, and what failures mean."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from markets.venues.base import AccountAccess
from markets.venues.errors import RateLimited, Rejected, RejectReason
from markets.venues.generic import translate
from markets.venues.generic.capabilities import for_exchange
from markets.venues.generic.connection import Connection
from markets.venues.generic.errors import error_of, is_unexpected
from markets.venues.generic.exchanges import Exchange, Scope, exchange_facts
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Question = Callable[[Any], Awaitable[Answer]]


class Gateway:
    """One exchange. `address` leads all its requests somewhere else, a simulator."""

    def __init__(self, slug: str, *, address: str = "") -> None:
        self.slug = slug
        self.capabilities = for_exchange(slug)
        self.facts = exchange_facts(slug)
        self.connection = Connection(slug, self.facts, address=address)

    async def market(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return ccxt's market of an exchange's own symbol; `Rejected` where it lists none of that kind."""
        exchange = await self.understood(self.connection.public())
        market = listed(exchange, symbol, kind, self.facts)
        if market is None and self.connection.may_have_missed():
            exchange = await self.understood(self.connection.public(reload=True))
            market = listed(exchange, symbol, kind, self.facts)
        if market is None:
            raise Rejected(f"{self.slug} does not list {symbol}.", reason=RejectReason.UNKNOWN_SYMBOL)
        return market

    async def private(
        self,
        account: AccountAccess,
        question: Question[Answer],
        *,
        kind: MarketKind = MarketKind.SPOT,
        writes: bool = False,
        places: bool = False,
    ) -> Answer:
        """Ask for an account; what `places` an order keeps the deadline for sending."""
        exchange = await self.understood(self.connection.private(account.credentials, urgent=writes, places=places))
        return await self.understood(question(exchange), kind=kind, writes=writes, signed=True)

    async def understood(
        self,
        answer: Awaitable[Answer],
        *,
        kind: MarketKind = MarketKind.SPOT,
        writes: bool = False,
        signed: bool = False,
    ) -> Answer:
        """Return an answer, or raise what a failure means for us; its cause may show keys, and is not kept."""
        try:
            return await answer
        except Exception as error:  # whatever ccxt stumbles over: the order may exist
            if is_unexpected(error):
                logger.exception("ccxt stumbled over an answer of %s", self.slug)
            told = error_of(
                error,
                getattr(error, "told", None),
                exchange=self.facts,
                writes=writes,
                signed=signed,
                contract=kind is not MarketKind.SPOT,
                now=datetime.now(UTC),
            )
            is_news = told is not error
        if isinstance(told, RateLimited) and is_news:
            await self.connection.ban(told.until)
        raise told

    async def close(self) -> None:
        """Close the connections."""
        await self.connection.close()


def asking(method: str, *arguments: Any) -> Question[Any]:
    """Return a question that calls a method of the exchange."""

    async def ask(exchange: Any) -> Any:
        return await getattr(exchange, method)(*arguments)

    return ask


def is_offered(market: Mapping[str, Any], facts: Exchange) -> bool:
    """Whether a market is one of those in which an account is seen whole."""
    settled = market.get("settle") or ""
    return not settled or not facts.margin_assets or settled in facts.margin_assets


def listed(exchange: Any, symbol: str, kind: MarketKind, facts: Exchange) -> Mapping[str, Any] | None:
    """Return ccxt's market of an exchange's own symbol, which may name several kinds of market."""
    listed = exchange.markets_by_id.get(symbol, ())
    return next((market for market in listed if translate.kind_of(market) is kind and is_offered(market, facts)), None)


def market_of(exchange: Any, row: Mapping[str, Any], scope: Scope, facts: Exchange) -> Mapping[str, Any] | None:
    """Return the market of a row of a list, whatever kind ccxt has guessed it to be."""
    market: Mapping[str, Any] | None = exchange.markets.get(row["symbol"])
    if market is None or scope.kind is None:
        return market
    return listed(exchange, market["id"], scope.kind, facts)
