"""Examples of orders, for the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

NOW = "2026-02-05T00:05:00.000Z"
LATENCY: dict[str, Any] = {"count": 10, "average_ms": 95.3, "p50_ms": 92.1, "p95_ms": 141.8, "p99_ms": 149.0}
REPLICATION: dict[str, Any] = {
    "total": 11,
    "filled": 10,
    "partial": 0,
    "skipped": 1,
    "failed": 0,
    "pending": 0,
    "skipped_by_code": {"SYMBOL_DENIED": 1},
    "failed_by_code": {},
    "success_rate": "100",
    "latency": LATENCY,
}
MASTER_ORDER: dict[str, Any] = {
    "id": 501,
    "user_id": 7,
    "account_id": 11,
    "venue": "iifl",
    "symbol": "RELIANCE",
    "market_type": "equity",
    "side": "BUY",
    "position_side": "BOTH",
    "order_type": "MARKET",
    "time_in_force": None,
    "quantity": "10",
    "price": None,
    "stop_price": None,
    "reduce_only": False,
    "status": "EXECUTED",
    "state": "FILLED",
    "executed_quantity": "10",
    "filled_quantity": "10",
    "average_price": "2450.5",
    "origin": "master",
    "is_master_order": True,
    "master_id": None,
    "master_order_id": None,
    "replication_latency_ms": None,
    "client_order_id": "6f9619ff8b86d011b42d00cf4fc964ff",
    "broker_order_id": "1207001",
    "error_code": None,
    "error_message": None,
    "created_at": NOW,
    "updated_at": "2026-02-05T00:05:00.092Z",
    "executed_at": "2026-02-05T00:05:00.092Z",
}
COPIED_ORDER: dict[str, Any] = {
    **MASTER_ORDER,
    "id": 502,
    "user_id": 8,
    "account_id": 12,
    "order_type": "LIMIT",
    "time_in_force": "IOC",
    "price": "2475",
    "origin": "copy",
    "is_master_order": False,
    "master_id": 1,
    "master_order_id": 501,
    "replication_latency_ms": 95.3,
    "client_order_id": "0c4a9a42c0f85ef0a1f2a8a8d9c1d3f1",
    "broker_order_id": "1207002",
}
STEP = {
    "from_state": "SENDING",
    "to_state": "FILLED",
    "source": "reply",
    "code": None,
    "message": None,
    "filled_quantity": "10",
    "at": "2026-02-05T00:05:00.187Z",
}
FILL = {
    "trade_id": "88412",
    "side": "BUY",
    "price": "2450.5",
    "quantity": "10",
    "fee": "7.3515",
    "fee_asset": "INR",
    "is_maker": False,
    "time": "2026-02-05T00:05:00.187Z",
}
SIGNAL: dict[str, Any] = {
    "id": 91,
    "source": "fill",
    "action": "OPEN",
    "venue": "iifl",
    "symbol": "RELIANCE",
    "side": "LONG",
    "quantity": "10",
    "price": "2450.5",
    "fraction": None,
    "event_time": "2026-02-05T00:05:00.090Z",
    "detected_at": "2026-02-05T00:05:00.092Z",
    "trades": [
        {"source": "fill", "kind": "BUY", "price": "2450.5", "quantity": "10", "time": "2026-02-05T00:05:00.090Z"}
    ],
}
DECISION: dict[str, Any] = {
    "id": 3001,
    "copy_id": 21,
    "master_id": 1,
    "master": "Master Trader",
    "state": "filled",
    "code": None,
    "message": None,
    "numbers": {},
    "capped": [],
    "wanted_quantity": "10",
    "quantity": "10",
    "worth": "24505",
    "asset": "INR",
    "filled_quantity": "10",
    "average_price": "2450.5",
    "slippage_percent": "0",
    "attempts": 1,
    "detected_at": "2026-02-05T00:05:00.092Z",
    "planned_at": "2026-02-05T00:05:00.104Z",
    "sent_at": "2026-02-05T00:05:00.109Z",
    "acknowledged_at": "2026-02-05T00:05:00.187Z",
    "filled_at": "2026-02-05T00:05:00.191Z",
    "finished_at": "2026-02-05T00:05:00.191Z",
    "latency_ms": {
        "detected": 2.0,
        "planned": 12.0,
        "sent": 5.0,
        "acknowledged": 78.0,
        "filled": 4.0,
        "total": 95.0,
    },
}
MASTER_STORY = {
    **MASTER_ORDER,
    "signal": None,
    "decision": None,
    "events": [STEP],
    "fills": [FILL],
    "replication": REPLICATION,
}
COPY_STORY = {
    **COPIED_ORDER,
    "signal": SIGNAL,
    "decision": DECISION,
    "events": [STEP],
    "fills": [FILL],
    "replication": None,
}
MARKET_BODY = {"symbol": "RELIANCE", "side": "BUY", "order_type": "MARKET", "quantity": 10, "price": 2450.50}
STOP_BODY = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "order_type": "STOP_MARKET",
    "quantity": "0.01",
    "stop_price": "82000",
    "reduce_only": True,
    "account": 7,
}


def answer(data: Any, name: str, *, status: str = "200", meta: Any = None) -> OpenApiExample:
    """Return the example of an answer with a status."""
    body = {"success": True, "data": data} | ({} if meta is None else {"meta": meta})
    return OpenApiExample(name, body, response_only=True, status_codes=[status])
