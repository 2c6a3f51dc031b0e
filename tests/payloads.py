"""Bodies as scrapers push them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

LEAD = "4681698170884314113"


def iso(moment: datetime) -> str:
    """Return the moment as scrapers write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(**span: float) -> str:
    """Return a moment before now, as scrapers write it."""
    return iso(datetime.now(UTC) - timedelta(**span))


def time_text(moment: datetime) -> str:
    """Return the text of the source's page for a moment."""
    return moment.astimezone(UTC).strftime("%m-%d, %H:%M:%S")


def encode(body: Any) -> bytes:
    """Return the body's bytes; bytes and texts stay as they are."""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def position(symbol: str = "BTCUSDT", side: str = "LONG", size: Any = 1, **fields: Any) -> dict[str, Any]:
    """Return a row of the normalised form's positions."""
    return {"symbol": symbol, "side": side, "size": size, "entryPrice": 100, "leverage": 10, **fields}


def event(
    kind: str = "OPEN_LONG",
    symbol: str = "BTCUSDT",
    *,
    at: datetime | None = None,
    amount: Any = 1,
    price: Any = 100,
    lead: str = LEAD,
    **fields: Any,
) -> dict[str, Any]:
    """Return a row of the normalised form's events, under the key that the seed's scraper builds."""
    text = time_text(at or datetime.now(UTC) - timedelta(minutes=5))
    return {
        "eventType": kind,
        "symbol": symbol,
        "eventTimeText": text,
        "price": price,
        "amount": amount,
        "event_key": f"binance|{lead}|{kind}|{symbol}|{text}|{amount}|{price}",
        **fields,
    }


def body(*, lead: str = LEAD, fetched_at: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a body of the normalised form."""
    return {"leadId": lead, "fetchedAt": fetched_at or ago(), **members}


def raw_position(symbol: str = "BTCUSDT", side: str = "BOTH", amount: str = "1", **fields: Any) -> dict[str, Any]:
    """Return a row of the raw form's positions."""
    return {
        "symbol": symbol,
        "positionSide": side,
        "positionAmount": amount,
        "entryPrice": "100",
        "markPrice": "101",
        "leverage": 10,
        "isolated": False,
        "collateral": "USDT",
        "unrealizedProfit": "1",
        "notionalValue": "101",
        **fields,
    }


def raw_order(
    side: str = "BUY",
    *,
    at: datetime,
    symbol: str = "BTCUSDT",
    position_side: str = "BOTH",
    quantity: Any = 1,
    price: Any = 100,
    pnl: Any = 0,
    **fields: Any,
) -> dict[str, Any]:
    """Return a row of the raw form's latest records."""
    milliseconds = int(at.timestamp() * 1000)
    return {
        "symbol": symbol,
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "side": side,
        "type": "MARKET",
        "positionSide": position_side,
        "executedQty": quantity,
        "avgPrice": price,
        "totalPnl": pnl,
        "orderTime": milliseconds,
        "orderUpdateTime": milliseconds,
        **fields,
    }


def raw_body(
    orders: list[dict[str, Any]] | None = None,
    positions: list[dict[str, Any]] | None = None,
    *,
    lead: str = LEAD,
    fetched_at: str | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Return a body of the raw form; without positions it says nothing of them."""
    found: dict[str, Any] = {"leadId": lead, "fetchedAt": fetched_at or ago(), **members}
    found["orderHistory"] = {"total": len(orders or []), "allOrders": orders or []}
    if positions is not None:
        found["activePositions"] = positions
    return found
