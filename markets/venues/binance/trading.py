"""Orders and fills at one house of Binance."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from copytrade.lib.wire import from_milliseconds, to_milliseconds
from markets.venues.base import AccountAccess, FillReport, OrderReference, OrderReport, OrderRequest
from markets.venues.binance.accounts import Modes
from markets.venues.binance.conditional import actual_order_id, as_conditional, read_conditional
from markets.venues.binance.contracts import Contracts
from markets.venues.binance.endpoints import Call
from markets.venues.binance.gateway import Gateway
from markets.venues.binance.orders import read_order, read_placed, read_trade
from markets.venues.binance.parameters import is_conditional, order_key, placement
from markets.venues.errors import OutcomeUnknown, Rejected, RejectReason, VenueError
from markets.venues.vocabulary import FINAL_STATUSES, MarketKind

PAGE = 1000
# The longest time that one question for trades may span.
SPOT_WINDOW = timedelta(hours=24)
FUTURES_WINDOW = timedelta(days=7)
# What Binance keeps of the trades of a futures account.
KEPT = timedelta(days=180)


class Trading:
    """Placing, asking and cancelling. An order is sent once; whoever must know more asks by its client id."""

    gateway: Gateway
    contracts: Contracts
    modes: Modes

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Place an order; see `markets.venues.base.Execution`."""
        call, params = placement(request)
        size = await self.contracts.size_or_none(request.symbol)
        try:
            reply = await self.gateway.signed(account, call, params)
        except Rejected as error:
            if error.reason == RejectReason.POSITION_SIDE_MISMATCH:
                self.modes.forget(account)
            raise
        with self.gateway.understood(writes=True):
            if call is Call.PLACE_CONDITIONAL:
                return read_conditional(reply, request.kind)
            return read_placed(reply, request, contract_size=size)

    async def query(self, account: AccountAccess, reference: OrderReference) -> OrderReport | None:
        """Return the order, None where Binance says that it has none."""
        try:
            if is_conditional(reference.kind, reference.type):
                return await self._query_conditional(account, reference)
            return await self._query_plain(account, reference)
        except Rejected as error:
            if error.reason == RejectReason.UNKNOWN_ORDER:
                return None
            raise

    async def cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Cancel an order, always by symbol and id; one that is final already is returned as it is."""
        try:
            if is_conditional(reference.kind, reference.type):
                return await self._cancel_conditional(account, reference)
            return await self._cancel_plain(account, reference)
        except Rejected as error:
            known = await self._after_refused_cancel(account, reference, error)
            if known is None:
                raise
            return known

    async def open_orders(self, account: AccountAccess, symbol: str | None = None) -> Sequence[OrderReport]:
        """Return the orders that still may trade, the conditional ones too."""
        kind = self.gateway.house.kind
        scope = {"symbol": symbol} if symbol else {}
        plain, waiting = await asyncio.gather(
            self.gateway.signed(account, Call.OPEN_ORDERS, scope, weight=self._open_weight(symbol)),
            self._open_conditional(account, scope),
        )
        with self.gateway.understood():
            symbols = {row["symbol"] for row in plain}
        sizes = await self.contracts.sizes(symbols)
        with self.gateway.understood():
            return [
                *(read_order(row, kind, contract_size=sizes.get(row["symbol"])) for row in plain),
                *(read_conditional(row, kind) for row in waiting),
            ]

    async def fills(
        self, account: AccountAccess, symbol: str, kind: MarketKind, *, venue_order_id: str = "", since: datetime | None
    ) -> Sequence[FillReport]:
        """Return trades of one order, or all in a market since a moment, oldest first."""
        if venue_order_id:
            rows = await self._trades(account, {"symbol": symbol, "orderId": venue_order_id}, weight=5)
        elif since is None:
            rows = await self._trades(account, {"symbol": symbol})
        else:
            rows = await self._trades_since(account, symbol, since)
        with self.gateway.understood():
            reports = {row["id"]: read_trade(row, kind) for row in rows}
        ordered = sorted(reports.items(), key=lambda item: (item[1].time, item[0]))
        return [report for _, report in ordered]

    async def _query_plain(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        reply = await self.gateway.signed(account, Call.QUERY, order_key(reference))
        size = await self.contracts.size_or_none(reference.symbol)
        with self.gateway.understood():
            return read_order(reply, reference.kind, contract_size=size)

    async def _query_conditional(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        # By our id only: Binance's own may be that of the order that this one has become.
        params = {"clientAlgoId": reference.client_order_id}
        reply = await self.gateway.signed(account, Call.QUERY_CONDITIONAL, params)
        with self.gateway.understood():
            actual = actual_order_id(reply)
            if not actual:
                return read_conditional(reply, reference.kind)
        became = replace(reference, venue_order_id=actual)
        report = await self._query_plain(account, became)
        with self.gateway.understood():
            return as_conditional(report, reply)

    async def _cancel_plain(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        reply = await self.gateway.signed(account, Call.CANCEL, order_key(reference))
        size = await self.contracts.size_or_none(reference.symbol)
        with self.gateway.understood(writes=True):
            return read_order(reply, reference.kind, contract_size=size)

    async def _cancel_conditional(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        params = {"clientAlgoId": reference.client_order_id}
        await self.gateway.signed(account, Call.CANCEL_CONDITIONAL, params)
        try:
            report = await self._query_conditional(account, reference)
        except VenueError as error:
            raise OutcomeUnknown(f"Cancelled, but its state is not known: {error.message}", code=error.code) from error
        return report

    async def _after_refused_cancel(
        self, account: AccountAccess, reference: OrderReference, error: Rejected
    ) -> OrderReport | None:
        """Return the state of an order that could not be cancelled because it is final, or has been triggered."""
        if error.reason != RejectReason.UNKNOWN_ORDER:
            return None
        known = await self.query(account, reference)
        if known is None or known.status in FINAL_STATUSES:
            return known
        if is_conditional(reference.kind, reference.type) and actual_order_id(known.raw):
            # It has been triggered since: the order that it became still rests.
            return await self._cancel_plain(account, replace(reference, venue_order_id=known.venue_order_id))
        return None

    async def _open_conditional(self, account: AccountAccess, scope: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        if self.gateway.house.kind is MarketKind.SPOT:
            return ()
        weight = 1 if scope else None
        rows: Sequence[Mapping[str, Any]] = await self.gateway.signed(
            account, Call.OPEN_CONDITIONAL, scope, weight=weight
        )
        return rows

    def _open_weight(self, symbol: str | None) -> int | None:
        if symbol is None:
            return None
        return 6 if self.gateway.house.kind is MarketKind.SPOT else 1

    async def _trades_since(self, account: AccountAccess, symbol: str, since: datetime) -> Sequence[Mapping[str, Any]]:
        """Ask window by window; within a full page go on by trade id, since many trades may share a millisecond."""
        spot = self.gateway.house.kind is MarketKind.SPOT
        window = SPOT_WINDOW if spot else FUTURES_WINDOW
        await self.gateway.compare_clocks()
        now = from_milliseconds(self.gateway.client.now_ms())
        start = since if spot else max(since, now - KEPT)
        rows: list[Mapping[str, Any]] = []
        while start <= now:
            end = start + window
            span = {"startTime": to_milliseconds(start), "endTime": to_milliseconds(end) - 1}
            page = await self._trades(account, {"symbol": symbol, **span})
            rows += page
            if len(page) >= PAGE:
                return rows + list(await self._trades_after(account, symbol, page))
            start = end
        return rows

    async def _trades_after(
        self, account: AccountAccess, symbol: str, page: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """Return all trades after a full page."""
        rows: list[Mapping[str, Any]] = []
        while len(page) >= PAGE:
            with self.gateway.understood():
                latest = max(int(row["id"]) for row in page)
            page = await self._trades(account, {"symbol": symbol, "fromId": latest + 1})
            rows += page
        return rows

    async def _trades(
        self, account: AccountAccess, params: Mapping[str, Any], *, weight: int | None = None
    ) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Mapping[str, Any]] = await self.gateway.signed(
            account, Call.TRADES, {**params, "limit": PAGE}, weight=weight
        )
        return rows
