"""Examples for the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

BITCOIN = {
    "id": 17,
    "venue": "binanceusdm",
    "symbol": "BTCUSDT",
    "kind": "usd_m",
    "base_asset": "BTC",
    "quote_asset": "USDT",
    "margin_asset": "USDT",
    "pair": "BTCUSDT",
    "contract_type": "PERPETUAL",
    "contract_size": "1",
    "status": "TRADING",
    "trading": True,
    "delisted_at": None,
}
RULES = {
    "price_tick": "0.1",
    "price_min": "556.8",
    "price_max": "4529764",
    "quantity_step": "0.001",
    "quantity_min": "0.001",
    "quantity_max": "1000",
    "market_quantity_step": "0.001",
    "market_quantity_min": "0.001",
    "market_quantity_max": "120",
    "notional_min": "50",
    "notional_max": None,
    "notional_min_on_market": True,
    "notional_max_on_market": False,
    "price_factor_up": "1.05",
    "price_factor_down": "0.95",
    "trigger_protect": "0.05",
}
OFFER = {
    "order_types": [
        "MARKET",
        "LIMIT",
        "STOP_MARKET",
        "STOP_LIMIT",
        "TAKE_PROFIT_MARKET",
        "TAKE_PROFIT_LIMIT",
        "TRAILING_STOP_MARKET",
    ],
    "times_in_force": ["GTC", "IOC", "FOK", "GTX", "GTD"],
}
PRICE = {
    "last": None,
    "bid": "86232.4",
    "ask": "86232.5",
    "mid": "86232.45",
    "mark": "86230.1",
    "time": "2026-02-05T00:05:00.000Z",
    "age_ms": 214,
    "stale": False,
}
CANDLE = {
    "open_time": "2026-02-05T00:04:00.000Z",
    "close_time": "2026-02-05T00:04:59.999Z",
    "open_price": "86210.1",
    "high_price": "86240",
    "low_price": "86200.3",
    "close_price": "86232.4",
    "volume": "12.345",
    "quote_volume": "1064387.12",
    "trades": 512,
    "taker_buy_base_volume": "6.1",
    "taker_buy_quote_volume": "525941.3",
    "closed": True,
}
CANDLES_META = {
    "symbol": "BTCUSDT",
    "market_type": "usd_m",
    "interval": "1m",
    "limit": 500,
    "last_sync_at": "2026-02-05T00:05:01.000Z",
    "lag_seconds": 9,
}
LIVE_META = {"fetched_at": "2026-02-05T00:05:00.000Z", "age_ms": 850, "stale": False}
MARK_PRICE = {
    "symbol": "BTCUSDT",
    "market_type": "usd_m",
    "mark_price": "86230.10000000",
    "index_price": "86235.04130435",
    "estimated_settle_price": "86231.12345678",
    "last_funding_rate": "0.00010000",
    "interest_rate": "0.00010000",
    "next_funding_time": "2026-02-05T08:00:00.000Z",
    "time": "2026-02-05T00:05:00.000Z",
}
OPEN_INTEREST = {
    "symbol": "BTCUSDT",
    "market_type": "usd_m",
    "open_interest": "91234.567",
    "time": "2026-02-05T00:05:00.000Z",
}
OPEN_INTEREST_POINT = {
    "timestamp": "2026-02-05T00:05:00.000Z",
    "sum_open_interest": "91234.56700000",
    "sum_open_interest_value": "7867123456.12000000",
}
TASK_ID = "2f0e3a52-8c0b-4a6f-9a53-0f3a5d1b7c11"
SERIES = {
    "symbol": "BTCUSDT",
    "market_type": "usd_m",
    "interval": "1m",
    "last_run_at": "2026-02-05T00:05:01.000Z",
    "last_success_at": "2026-02-05T00:05:01.000Z",
    "lag_seconds": 9,
    "rows": 43200,
    "missing": 0,
    "newest_open_time": "2026-02-05T00:05:00.000Z",
    "running": False,
    "error": None,
}


def answer(name: str, data: Any, meta: Any = None, *, status: str = "200") -> list[OpenApiExample]:
    """Return the example of a successful answer."""
    body = {"success": True, "data": data} | ({} if meta is None else {"meta": meta})
    return [OpenApiExample(name, body, response_only=True, status_codes=[status])]
