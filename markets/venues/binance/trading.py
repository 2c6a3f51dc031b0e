"""Orders and fills at one house of Binance."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from copytrade.lib.wire import from_milliseconds, to_milliseconds
from markets.venues.base import AccountAccess, FillReport, OrderReference, OrderReport, OrderRequest
from markets.venues.binance.accounts import Modes
from markets.venues.binance.conditional import actual_order_id, as_conditional, read_conditional
from markets.venues.binance.contracts import Contracts
from markets.venues.binance.endpoints import Call
from markets.venues.binance.errors import SOON
from markets.venues.binance.gateway import NOT_UNDERSTOOD, Gateway, unreadable
from markets.venues.binance.orders import read_order, read_placed, read_trade
from markets.venues.binance.parameters import is_conditional, order_key, placement
from markets.venues.budget import patient
from markets.venues.errors import OutcomeUnknown, Rejected, RejectReason, Retryable, VenueError
from markets.venues.vocabulary import FINAL_STATUSES, MarketKind

PAGE = 1000
# The longest time that one question for trades may span.
SPOT_WINDOW = timedelta(hours=24)
FUTURES_WINDOW = timedelta(days=7)
# What Binance keeps of the trades of a futures account.
KEPT = timedelta(days=180)
ORDER_TRADES_WEIGHT = 5
# Weight that is used up comes back within a minute.
PATIENCE = timedelta(seconds=65)

Row = Mapping[str, Any]
Rows = Sequence[Row]


class Trading:
    """Placing, asking and cancelling. An order is sent once; whoever must know more asks by its client id."""

    gateway: Gateway
    contracts: Contracts
    modes: Modes

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Place an order; see `markets.venues.base.Execution`."""
        call, params = placement(request)
        size = self.contracts.size_of_all or await self.contracts.size_or_none(request.symbol)
        try:
            reply = await self.gateway.signed(account, call, params)
        except Rejected as error:
            if error.reason == RejectReason.POSITION_SIDE_MISMATCH:
                self.modes.forget(account)
            raise
        try:
            if call is Call.PLACE_CONDITIONAL:
                return read_conditional(reply, request.kind)
            return read_placed(reply, request, contract_size=size)
        except NOT_UNDERSTOOD as error:
            raise unreadable(writes=True) from error

    async def expect(self, items: Sequence[tuple[AccountAccess, OrderRequest]]) -> None:
        """Reserve the budget for orders that are about to be placed, in a round trip for all that are alike."""
        by_call: dict[Call, list[AccountAccess]] = defaultdict(list)
        for account, request in items:
            conditional = is_conditional(request.kind, request.type)
            by_call[Call.PLACE_CONDITIONAL if conditional else Call.PLACE].append(account)
        for call, accounts in by_call.items():
            await self.gateway.expect(call, accounts)

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
            rows = await self._trades_of(account, symbol, venue_order_id)
        elif since is None:
            rows = await self._trades(account, {"symbol": symbol})
        else:
            with patient(PATIENCE):
                rows = await self._trades_since(account, symbol, since)
        with self.gateway.understood():
            # Orders of one account that trade with each other share the number of the trade.
            reports = {(int(row["id"]), int(row["orderId"])): read_trade(row, kind) for row in rows}
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
        report = await self._query_triggered(account, replace(reference, venue_order_id=actual))
        with self.gateway.understood():
            return as_conditional(report, reply)

    async def _query_triggered(self, account: AccountAccess, became: OrderReference) -> OrderReport:
        """Return the order that a conditional one has become; the books may tell of it later than of the trigger."""
        try:
            return await self._query_plain(account, became)
        except Rejected as error:
            if error.reason != RejectReason.UNKNOWN_ORDER:
                raise
            message = "The order was triggered, and what it became is not listed yet."
            raise Retryable(message, after=SOON, code=error.code, status=error.status) from error

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

    async def _trades_of(self, account: AccountAccess, symbol: str, venue_order_id: str) -> Rows:
        order = {"symbol": symbol, "orderId": venue_order_id}
        page = await self._trades(account, order, weight=ORDER_TRADES_WEIGHT)
        if len(page) < PAGE:
            return page
        # Which thousand that was is not documented: begin with the first.
        return await self._trades_from(account, order, 0, weight=ORDER_TRADES_WEIGHT)

    async def _trades_since(self, account: AccountAccess, symbol: str, since: datetime) -> Rows:
        if self.gateway.house.kind is MarketKind.SPOT:
            return await self._spot_trades_since(account, symbol, since)
        now = await self._now()
        rows: list[Row] = []
        for span in _windows(max(since, now - KEPT), now, FUTURES_WINDOW):
            page = await self._trades(account, {"symbol": symbol, **span})
            rows += page
            if len(page) >= PAGE:
                return rows + await self._trades_from(account, {"symbol": symbol}, self._last(page))
        return rows

    async def _spot_trades_since(self, account: AccountAccess, symbol: str, since: datetime) -> Rows:
        """Ask for the latest page, which mostly holds them all; else find the first day with trades, and go on there.

        A day costs as much as a page: a year of absence would cost more than the budget of a minute.
        """
        latest = await self._trades(account, {"symbol": symbol})
        with self.gateway.understood():
            found = [row for row in latest if int(row["time"]) >= to_milliseconds(since)]
        if len(found) < PAGE:
            return found
        for span in _windows(since, await self._now(), SPOT_WINDOW):
            if page := await self._trades(account, {"symbol": symbol, **span}):
                return [*page, *await self._trades_from(account, {"symbol": symbol}, self._last(page))]
        return found

    async def _trades_from(
        self, account: AccountAccess, scope: Mapping[str, Any], first: int, *, weight: int | None = None
    ) -> list[Row]:
        """Return all trades from a number on, that one too: another order may share it."""
        rows: list[Row] = []
        while True:
            page = await self._trades(account, {**scope, "fromId": first}, weight=weight)
            rows += page
            if len(page) < PAGE or (last := self._last(page)) <= first:
                return rows
            first = last

    def _last(self, page: Rows) -> int:
        with self.gateway.understood():
            return max(int(row["id"]) for row in page)

    async def _now(self) -> datetime:
        await self.gateway.compare_clocks()
        return from_milliseconds(self.gateway.client.now_ms())

    async def _trades(self, account: AccountAccess, params: Mapping[str, Any], *, weight: int | None = None) -> Rows:
        rows: Rows = await self.gateway.signed(account, Call.TRADES, {**params, "limit": PAGE}, weight=weight)
        return rows


def _windows(start: datetime, now: datetime, length: timedelta) -> Iterator[Mapping[str, int]]:
    """Yield the parameters of all windows from a moment up to now."""
    while start <= now:
        end = start + length
        yield {"startTime": to_milliseconds(start), "endTime": to_milliseconds(end) - 1}
        start = end
