"""The adapter of any exchange that ccxt knows: its unified calls, our errors, Decimals."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markets.venues.base import (
    AccountAccess,
    AccountReport,
    FillReport,
    OrderReference,
    OrderReport,
    OrderRequest,
    Permissions,
    PositionReport,
    PrivateEvent,
)
from markets.venues.errors import NotSupported, Rejected, RejectReason, VenueError
from markets.venues.generic import translate
from markets.venues.generic.exchanges import Scope
from markets.venues.generic.gateway import Question, asking, market_of
from markets.venues.generic.lists import orders_by_client_id, orders_by_number, trades_of_order, trades_since, whole
from markets.venues.generic.market_data import GenericMarketData
from markets.venues.generic.permissions import PERMISSIONS
from markets.venues.generic.requests import parameters_of, refuse_foreign, refuse_off_grid
from markets.venues.netting import netted
from markets.venues.vocabulary import FINAL_STATUSES, MarketKind

# How often an order is looked at again that is being cancelled, and how long that takes at most.
CANCEL_LOOKS = (0.0, 0.1, 0.3, 0.6)


def make(slug: str) -> "GenericVenue":
    """Return the adapter of an exchange, by ccxt's name of it."""
    return GenericVenue(slug)


class GenericVenue(GenericMarketData):
    """One exchange. `address` leads all its requests somewhere else, a simulator."""

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Place an order. A return, `Rejected` and the like are certain; `OutcomeUnknown` is not."""
        refuse_foreign(request, self.capabilities)
        market = await self.market(request.symbol, request.kind)
        refuse_off_grid(request, market, self.connection.precision_mode)
        ask = asking(
            "create_order",
            market["symbol"],
            request.type.value.lower(),
            request.side.value.lower(),
            str(request.quantity),
            None if request.price is None else str(request.price),
            parameters_of(request),
        )
        order = await self.private(account, ask, kind=request.kind, writes=True, places=True)
        placed = translate.acknowledged(order, request, now=datetime.now(UTC))
        return translate.in_time(await self._seen(account, placed, market), request)

    async def _seen(self, account: AccountAccess, placed: OrderReport, market: Mapping[str, Any]) -> OrderReport:
        """Return what became of an order that was just accepted; what cannot be learned now is asked for later."""
        try:
            found = await self._find(account, market, placed.kind, placed.client_order_id, placed.venue_order_id)
        except VenueError:
            return placed
        return found or placed

    async def query(self, account: AccountAccess, reference: OrderReference) -> OrderReport | None:
        """Return the order, or None where the exchange says that it has none."""
        market = await self.market(reference.symbol, reference.kind)
        return await self._find(account, market, reference.kind, reference.client_order_id, reference.venue_order_id)

    async def cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Cancel an order; one that is final already is returned as it is, one that is unknown is `Rejected`."""
        market = await self.market(reference.symbol, reference.kind)
        known = await self.query(account, reference)
        if known is None:
            raise Rejected("The exchange has no such order.", reason=RejectReason.UNKNOWN_ORDER)
        if known.status in FINAL_STATUSES:
            return known
        refusal: Rejected | None = None
        try:
            ask = asking("cancel_order", known.venue_order_id, market["symbol"])
            await self.private(account, ask, kind=reference.kind, writes=True)
        except Rejected as error:
            refusal = error  # it may have been filled meanwhile
        return await self._after_cancel(account, reference, known, refusal)

    async def _after_cancel(
        self, account: AccountAccess, reference: OrderReference, known: OrderReport, refusal: Rejected | None
    ) -> OrderReport:
        """Return the order once it is final; the exchange accepts a cancellation before it carries it out."""
        for seconds in CANCEL_LOOKS:
            await asyncio.sleep(seconds)
            known = await self.query(account, reference) or known
            if known.status in FINAL_STATUSES:
                return known
        if refusal is not None:
            raise refusal
        return known

    async def open_orders(self, account: AccountAccess, symbol: str | None = None) -> Sequence[OrderReport]:
        """Return the orders that still may trade."""
        found = []
        for scope in self.facts.order_scopes:
            found += await self._reports(await self.private(account, self._open_orders(scope)), scope)
        wanted = (each for each in found if each.status not in FINAL_STATUSES)
        return [each for each in wanted if symbol is None or each.symbol == symbol]

    async def fills(
        self, account: AccountAccess, symbol: str, kind: MarketKind, *, venue_order_id: str = "", since: datetime | None
    ) -> Sequence[FillReport]:
        """Return trades of one order, or all in a market since a moment, oldest first."""
        market = await self.market(symbol, kind)
        trades = await self.private(account, self._trades(market["symbol"], venue_order_id, since), kind=kind)
        with_times = [translate.fill_report(trade, market, kind) for trade in trades]
        # Orders of one account that trade with each other share the id of the trade.
        reports = {(report.venue_trade_id, report.venue_order_id): report for report in with_times}.values()
        ours = [report for report in reports if not venue_order_id or report.venue_order_id == venue_order_id]
        return sorted(ours, key=lambda report: (report.time, report.venue_trade_id, report.venue_order_id))

    def _trades(self, name: str, venue_order_id: str, since: datetime | None) -> Question[list[Mapping[str, Any]]]:
        if venue_order_id:
            return lambda exchange: trades_of_order(exchange, self.facts, name, venue_order_id)
        return lambda exchange: trades_since(exchange, self.facts, name, since)

    async def account(self, account: AccountAccess) -> AccountReport:
        """Return balances and positions, those of accounts that hedge as what they come to.

        There is no single figure of equity that all exchanges have.
        """
        balance = await self.private(account, asking("fetch_balance"))
        positions: list[PositionReport] = []
        if self.capabilities.reduce_only:
            for scope in self.facts.position_scopes:
                positions += await self._positions(await self.private(account, self._held(scope)), scope)
        return AccountReport(
            time=datetime.now(UTC), balances=translate.balance_reports(balance), positions=netted(positions)
        )

    async def permissions(self, account: AccountAccess) -> Permissions:
        """Return what the key may do; `NotSupported` where the exchange does not tell, which is no permission."""
        ask = PERMISSIONS.get(self.slug)
        if ask is None:
            raise NotSupported(f"{self.slug} does not tell what a key may do: its owner has to know.")
        return await self.private(account, ask)

    async def set_leverage(self, account: AccountAccess, symbol: str, kind: MarketKind, leverage: int) -> None:
        """Set the leverage of a contract; one that is set already is fine."""
        if not self.capabilities.reduce_only:
            raise NotSupported(f"{self.slug} has no leverage here.")
        market = await self.market(symbol, kind)
        try:
            ask = asking("set_leverage", leverage, market["symbol"])
            await self.private(account, ask, kind=kind, writes=True)
        except Rejected as error:
            if error.reason != RejectReason.UNCHANGED:
                raise

    def private_stream(self, account: AccountAccess) -> AsyncIterator[PrivateEvent]:
        """Refuse: orders are asked for."""
        raise NotSupported(f"The orders at {self.slug} are asked for, not streamed.")

    async def _find(
        self,
        account: AccountAccess,
        market: Mapping[str, Any],
        kind: MarketKind,
        client_order_id: str,
        venue_order_id: str,
    ) -> OrderReport | None:
        """Return the order, None only where the exchange has said that there is none by either of its ids.

        Its own number goes first: orders that were placed by hand at the exchange have no client order id.
        """
        name, facts = market["symbol"], self.facts
        orders = list[Mapping[str, Any]]()
        if venue_order_id:
            orders = await self._found(account, lambda each: orders_by_number(each, facts, name, venue_order_id), kind)
        if client_order_id and not orders:
            orders = await self._found(
                account, lambda each: orders_by_client_id(each, facts, name, client_order_id), kind
            )
        return translate.order_report(orders[0], market, kind, now=datetime.now(UTC)) if orders else None

    async def _found(
        self, account: AccountAccess, question: Question[list[Mapping[str, Any]]], kind: MarketKind
    ) -> list[Mapping[str, Any]]:
        try:
            return await self.private(account, question, kind=kind)
        except Rejected as error:
            if error.reason == RejectReason.UNKNOWN_ORDER:
                return []
            raise

    def _open_orders(self, scope: Scope) -> Question[list[Mapping[str, Any]]]:
        return lambda exchange: whole(
            lambda more: exchange.fetch_open_orders(None, None, None, {**scope.parameters, **more}),
            self.facts.order_pages,
        )

    def _held(self, scope: Scope) -> Question[list[Mapping[str, Any]]]:
        return lambda exchange: whole(
            lambda more: exchange.fetch_positions(None, {**scope.parameters, **more}), self.facts.position_pages
        )

    async def _reports(self, orders: Sequence[Mapping[str, Any]], scope: Scope) -> list[OrderReport]:
        exchange, now = await self.understood(self.connection.public()), datetime.now(UTC)
        listed = ((order, market_of(exchange, order, scope, self.facts)) for order in orders)
        return [
            translate.order_report(order, market, kind, now=now)
            for order, market in listed
            if market and (kind := translate.kind_of(market))
        ]

    async def _positions(self, rows: Sequence[Mapping[str, Any]], scope: Scope) -> list[PositionReport]:
        exchange = await self.understood(self.connection.public())
        listed = ((row, market_of(exchange, row, scope, self.facts)) for row in rows)
        found = (
            translate.position_report(row, market, kind)
            for row, market in listed
            if market and (kind := translate.kind_of(market))
        )
        return [report for report in found if report is not None]
