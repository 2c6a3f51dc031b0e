"""Trades of copies' orders as a venue tells them later."""

from typing import Any

from django.utils import timezone
from msgspec.structs import replace

from markets.venues.base import FillReport
from markets.venues.vocabulary import MarketKind, PositionSide, Side
from orders.executor.findings import Finding, Source
from orders.models import Order
from orders.services.recording import findings_record
from replication.tests.kit import D


def fill_of(order: Order, price: Any = 50_000, quantity: Any = None, **changes: Any) -> FillReport:
    """Return a trade of an order, of all of it or so much, without a fee."""
    assert order.quantity is not None
    traded = order.quantity if quantity is None else D(quantity)
    fill = FillReport(
        venue_trade_id="late",
        venue_order_id=order.venue_order_id or "77",
        client_order_id=order.client_order_id,
        symbol="BTCUSDT",
        kind=MarketKind.USD_M,
        side=Side(order.side),
        position_side=PositionSide(order.position_side),
        price=D(price),
        quantity=traded,
        quote_quantity=traded * D(price),
        fee=D(0),
        fee_asset="USDT",
        is_maker=False,
        time=timezone.now(),
    )
    return replace(fill, **changes)


def tell_fill(order: Order, price: Any = 50_000, quantity: Any = None, **changes: Any) -> FillReport:
    """Let the venue's stream tell a trade of an order; return it."""
    fill = fill_of(order, price, quantity, **changes)
    findings_record([Finding(order.pk, Source.STREAM, timezone.now(), fills=(fill,))])
    return fill
