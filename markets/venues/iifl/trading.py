"""Orders and fills at IIFL. An order is sent once; what became of it stands in the order book of the day."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from markets.venues.base import AccountAccess, FillReport, OrderReference, OrderReport, OrderRequest
from markets.venues.errors import OutcomeUnknown, Rejected, RejectReason, Retryable, VenueError
from markets.venues.iifl.capabilities import REQUEST_LIFETIME
from markets.venues.iifl.errors import SOON, SessionGoneError
from markets.venues.iifl.gateway import ORDERS, Gateway
from markets.venues.iifl.house import account_name, utc_now
from markets.venues.iifl.instruments import Instruments
from markets.venues.iifl.market_data import MarketData
from markets.venues.iifl.master import Instrument
from markets.venues.iifl.names import unique_identifier
from markets.venues.iifl.orders import (
    Row,
    acknowledged,
    fill_time,
    find_order,
    identifier_of,
    instrument_of,
    is_share,
    order_id,
    read_fill,
    read_order,
    symbol_of,
)
from markets.venues.iifl.parameters import WITHOUT_LIMIT, check, placement, protected
from markets.venues.iifl.sessions import Session
from markets.venues.vocabulary import FINAL_STATUSES, MarketKind

DEALER_ORDERS = "/interactive/orders/dealerorderbook"
TRADES, DEALER_TRADES = "/interactive/orders/trades", "/interactive/orders/dealertradebook"
# How long an identifier may not be sent a second time: as long as the first request may be under way.
SENT_SECONDS = int(REQUEST_LIFETIME.total_seconds())
CANCEL_LOOKS = 2


class Trading(MarketData):
    """Placing, asking and cancelling; see `markets.venues.base.Execution`."""

    gateway: Gateway
    instruments: Instruments

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Place an order. What is returned is XTS's acknowledgement: the exchange may still refuse it.

        XTS takes the same identifier twice, so it is kept from that here: one that was sent a moment ago is
        `OutcomeUnknown`.
        """
        check(request)
        self._refuse_closed()
        instrument = await self.instruments.of_symbol(request.symbol)
        sent = await self._with_limit(request, instrument)
        session = await self.gateway.session(account)
        body = placement(sent, instrument, self.gateway.house, self.gateway.client_of(account, session))
        name, identifier = _name(account), body["orderUniqueIdentifier"]
        shared, client = self.gateway.shared, request.client_order_id
        if not await shared.name(name, identifier, client, seconds=SENT_SECONDS):
            raise OutcomeUnknown("An order of this id has been sent already.")
        try:
            return await self._place(account, request, session, body)
        except OutcomeUnknown:
            raise
        except VenueError:
            await shared.forget_sent(name, identifier, client)
            raise

    async def query(self, account: AccountAccess, reference: OrderReference) -> OrderReport | None:
        """Return the order, None where the order book of the day has none of that number or identifier."""
        rows = await self.gateway.book(account, ORDERS, dealer=DEALER_ORDERS)
        with self.gateway.understood():
            row = find_order(rows, reference, unique_identifier(reference.client_order_id))
            if row is None:
                return None
            client = reference.client_order_id or identifier_of(row)
            return read_order(row, client_order_id=client, symbol=reference.symbol, now=utc_now())

    async def cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Cancel an order; one that is final already is returned as it is, one that is unknown is `Rejected`."""
        known = await self._known(account, reference)
        if known.status in FINAL_STATUSES:
            return known
        session = await self.gateway.session(account)
        client = self.gateway.client_of(account, session)
        params = {
            "appOrderID": known.venue_order_id,
            "orderUniqueIdentifier": unique_identifier(reference.client_order_id),
            **({"clientID": client} if client else {}),
        }
        try:
            await self.gateway.cancel(account, session, params)
        except SessionGoneError as error:
            await self.gateway.sessions.session(account.credentials, gone=session)
            raise Retryable("The login had ended; cancel it again.", after=timedelta(0), code=error.code) from error
        except Rejected:
            after = await self._known(account, reference)
            if after.status not in FINAL_STATUSES:
                raise
            return after
        return await self._after_cancel(account, reference)

    async def open_orders(self, account: AccountAccess, symbol: str | None = None) -> Sequence[OrderReport]:
        """Return the orders that still may trade, oldest first."""
        rows = await self.gateway.book(account, ORDERS, dealer=DEALER_ORDERS)
        reports = await self._readable(rows)
        found = [each for each in reports if each.status not in FINAL_STATUSES and symbol in {None, each.symbol}]
        return sorted(found, key=lambda report: int(report.venue_order_id))

    async def fills(
        self, account: AccountAccess, symbol: str, kind: MarketKind, *, venue_order_id: str = "", since: datetime | None
    ) -> Sequence[FillReport]:
        """Return trades of today, oldest first: of one order, or in a market since a moment; XTS keeps no others."""
        instrument = await self.instruments.of_symbol(symbol)
        rows = await self.gateway.book(account, TRADES, dealer=DEALER_TRADES)
        with self.gateway.understood():
            rows = [row for row in rows if _concerns(row, instrument, venue_order_id, since)]
        names = await self.names(rows)
        with self.gateway.understood():
            found = [read_fill(row, client_order_id=names[identifier_of(row)], symbol=symbol) for row in rows]
        return sorted(found, key=lambda fill: (fill.time, int(fill.venue_order_id), fill.venue_trade_id))

    async def names(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return our client order ids by the identifiers in rows."""
        return await self.gateway.shared.client_order_ids([identifier_of(row) for row in rows])

    def _refuse_closed(self) -> None:
        hours = self.gateway.house.hours
        if hours is not None and not hours.contain(utc_now()):
            raise Rejected("The exchange is closed.", reason=RejectReason.MARKET_CLOSED)

    async def _with_limit(self, request: OrderRequest, instrument: Instrument) -> OrderRequest:
        """Return the order with a limit, where accounts may send none without."""
        percent = self.gateway.house.protection
        if not percent or request.type not in WITHOUT_LIMIT:
            return request
        price = await self.real_price(instrument) if request.stop_price is None else None
        last = price.last if price else None
        if last is None and request.stop_price is None:
            message = "An algo account's market order needs a price of the exchange: set the keys for market data."
            raise Rejected(message, reason=RejectReason.STALE_PRICE)
        return protected(request, instrument, percent=percent, last=last or Decimal(0))

    async def _place(
        self, account: AccountAccess, request: OrderRequest, session: Session, body: dict[str, Any]
    ) -> OrderReport:
        try:
            result = await self.gateway.place(account, session, body)
        except SessionGoneError as error:
            return await self._after_lost_session(account, request, session, error)
        with self.gateway.understood(writes=True):
            return acknowledged(request, order_id(result), utc_now())

    async def _after_lost_session(
        self, account: AccountAccess, request: OrderRequest, session: Session, error: SessionGoneError
    ) -> OrderReport:
        """Log in again and look: an order that was refused for its token is sent again by whoever sent it."""
        await self.gateway.sessions.session(account.credentials, gone=session)
        reference = OrderReference(request.symbol, request.kind, request.type, request.client_order_id)
        try:
            known = await self.query(account, reference)
        except VenueError as failed:
            raise OutcomeUnknown(f"The login had ended, and the order book is not known: {failed.message}") from failed
        if known is not None:
            return known
        raise Retryable("The login had ended; there is a new one.", after=timedelta(0), code=error.code) from error

    async def _known(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        known = await self.query(account, reference)
        if known is None:
            raise Rejected("There is no such order today.", reason=RejectReason.UNKNOWN_ORDER)
        return known

    async def _after_cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Return the order as it is after its cancellation was taken; the exchange may need a moment."""
        for look in range(CANCEL_LOOKS):
            if look:
                await asyncio.sleep(SOON.total_seconds())
            try:
                known = await self._known(account, reference)
            except VenueError as error:
                raise OutcomeUnknown(f"Cancelled, but its state is not known: {error.message}") from error
            if known.status in FINAL_STATUSES:
                break
        return known

    async def _readable(self, rows: Sequence[Row]) -> list[OrderReport]:
        """Return the orders of shares, but for those that cannot be read."""
        if not rows:
            return []
        names, master = await self.names(rows), await self.instruments.master()
        found = []
        for row in rows:
            with self.gateway.passing_over("an order"):
                if is_share(row):
                    symbol, client = symbol_of(row, master), names[identifier_of(row)]
                    found.append(read_order(row, client_order_id=client, symbol=symbol, now=utc_now()))
        return found


def _name(account: AccountAccess) -> str:
    assert account.credentials is not None
    return account_name(account.credentials)


def _concerns(row: Row, instrument: Instrument, venue_order_id: str, since: datetime | None) -> bool:
    """Whether a trade is asked for; trades are told to the second, so the whole of the first one counts."""
    if not is_share(row):
        return False
    if venue_order_id:
        return order_id(row) == venue_order_id
    time = fill_time(row)
    begun = since.replace(microsecond=0) if since else None
    return instrument_of(row) == instrument.id and (begun is None or time is None or time >= begun)
