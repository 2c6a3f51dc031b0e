"""What a trade does to balances and positions (pure)."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from markets.venues.base import MarketSpec
from markets.venues.paper.facts import Balance, Held, Ledger, Order, PositionKey, Trade, quote_worth, worth
from markets.venues.paper.numbers import ZERO, booked, booked_up
from markets.venues.paper.pricing import Slice
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import MarketKind, Side, VenueStatus


def settle(
    ledger: Ledger, order: Order, part: Slice, market: MarketSpec, terms: Terms, *, is_maker: bool, now: datetime
) -> tuple[Order, Trade]:
    """Trade a part of an order: change the ledger, free what was locked for it; return the order after it."""
    order = release(ledger, order, part.quantity)
    rate = terms.fee(market.kind, is_maker=is_maker)
    quote = quote_worth(market, part.quantity, part.price)
    if market.kind is MarketKind.SPOT:
        base, realized = part.quantity, None
        fee, fee_asset = _exchange(ledger, order.side, market, base, quote, rate)
    else:
        value = worth(market.kind, part.quantity, market.contract_size, part.price)
        base = value if market.kind is MarketKind.COIN_M else part.quantity * market.contract_size
        fee, fee_asset = booked_up(value * rate), market.margin_asset
        realized = change_position(ledger, order.position_key, order.side, market, part.quantity, value)
        ledger.add(fee_asset, realized - fee)
        forgive(ledger, fee_asset)
    trade = Trade(
        order.client_order_id,
        order.trades + 1,
        part.price,
        part.quantity,
        quote,
        base,
        fee,
        fee_asset,
        is_maker,
        realized,
        now,
    )
    return _after(order, trade), trade


def release(ledger: Ledger, order: Order, quantity: Decimal) -> Order:
    """Unlock what was locked for a part of an order."""
    if not order.reserved:
        return order
    kept = ZERO
    if quantity < order.remaining:
        kept = booked(order.reserved * (order.remaining - quantity) / order.remaining)
    ledger.lock(order.reserved_asset, kept - order.reserved)
    return replace(order, reserved=kept)


def reserve(ledger: Ledger, order: Order, asset: str, amount: Decimal) -> Order:
    """Lock an amount for the rest of an order."""
    ledger.lock(asset, amount)
    return replace(order, reserved=amount, reserved_asset=asset)


def change_position(
    ledger: Ledger, key: PositionKey, side: Side, market: MarketSpec, quantity: Decimal, value: Decimal
) -> Decimal:
    """Trade contracts of a certain worth; return the realised profit in the margin asset.

    What is beyond the position turns it around: it closes, and the rest opens at the same price.
    """
    closed = min(quantity, ledger.closable(key, side))
    closed_value = value if closed == quantity else booked(value * closed / quantity)
    realized = _close(ledger, key, closed, closed_value) if closed else ZERO
    if quantity > closed:
        _open(ledger, key, side, market, quantity - closed, value - closed_value)
    return realized


def forgive(ledger: Ledger, asset: str) -> None:
    """Write off what an account without positions owes."""
    owned = ledger.balance(asset)
    if owned.total < 0 and not ledger.margined_in(asset):
        ledger.forgiven[asset] = ledger.forgiven.get(asset, ZERO) - owned.total
        ledger.balances[asset] = Balance(ZERO, owned.locked)


def _exchange(
    ledger: Ledger, side: Side, market: MarketSpec, base: Decimal, quote: Decimal, rate: Decimal
) -> tuple[Decimal, str]:
    """Exchange coins; the fee is taken from what is received."""
    if side is Side.BUY:
        fee = booked_up(base * rate)
        ledger.add(market.quote_asset, -quote)
        ledger.add(market.base_asset, base - fee)
        return fee, market.base_asset
    fee = booked_up(quote * rate)
    ledger.add(market.base_asset, -base)
    ledger.add(market.quote_asset, quote - fee)
    return fee, market.quote_asset


def _close(ledger: Ledger, key: PositionKey, quantity: Decimal, value: Decimal) -> Decimal:
    held = ledger.positions[key]
    whole = abs(held.quantity)
    cost = held.cost if quantity == whole else booked(held.cost * quantity / whole)
    grows_with_price = (held.quantity > 0) != (held.kind is MarketKind.COIN_M)
    if quantity == whole:
        del ledger.positions[key]
    else:
        left = held.quantity - quantity if held.quantity > 0 else held.quantity + quantity
        ledger.positions[key] = replace(held, quantity=left, cost=held.cost - cost)
    return value - cost if grows_with_price else cost - value


def _open(ledger: Ledger, key: PositionKey, side: Side, market: MarketSpec, quantity: Decimal, value: Decimal) -> None:
    held = ledger.positions.get(key) or Held(
        key.symbol,
        key.kind,
        key.position_side,
        ZERO,
        ZERO,
        market.contract_size,
        market.margin_asset,
        ledger.leverage_of(key.symbol),
    )
    signed = quantity if side is Side.BUY else -quantity
    ledger.positions[key] = replace(held, quantity=held.quantity + signed, cost=held.cost + value)


def _after(order: Order, trade: Trade) -> Order:
    filled = order.filled_quantity + trade.quantity
    return replace(
        order,
        status=VenueStatus.FILLED if filled == order.quantity else VenueStatus.PARTIALLY_FILLED,
        filled_quantity=filled,
        filled_quote=order.filled_quote + trade.quote_quantity,
        filled_base=order.filled_base + trade.base_quantity,
        trades=trade.number,
        updated_at=trade.time,
    )
