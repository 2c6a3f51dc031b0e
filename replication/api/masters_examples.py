"""Examples of masters and copies, for the schema."""

from typing import Any

from replication.api.orders_examples import LATENCY, NOW

MASTER: dict[str, Any] = {
    "master_id": 1,
    "platform": "house",
    "lead_id": "17",
    "nickname": "Master Trader",
    "featured": True,
    "followers": 10,
    "total_orders": 42,
    "success_rate": "99.76",
    "average_latency_ms": 95.3,
    "latency": LATENCY,
    "realized_pnl": "1250.5",
    "pnl_asset": "INR",
    "roi_percent": "12.505",
    "running_days": 31,
    "since": "2026-01-04T10:00:00.000Z",
}
FOLLOWED: dict[str, Any] = {
    "id": 21,
    "master_id": 1,
    "master": "Master Trader",
    "platform": "house",
    "account_id": 12,
    "account_name": "Paper",
    "state": "active",
    "state_reason": None,
    "is_active": True,
    "copy_strategy": "FIXED_RATIO",
    "ratio": "1",
    "percentage": None,
    "fixed_quantity": None,
    "fixed_amount": None,
    "tiers": [],
    "inverted": False,
    "allocated": None,
    "max_order": None,
    "max_symbol": None,
    "max_exposure": None,
    "max_positions": None,
    "max_leverage": None,
    "max_daily_loss": "500",
    "max_drawdown_percent": None,
    "max_slippage_percent": "1",
    "max_signal_age_seconds": 60,
    "allowed_symbols": [],
    "denied_symbols": [],
    "minimum_policy": "skip",
    "copy_open_positions": False,
    "trading_hours": {"zone": "Asia/Kolkata", "days": [0, 1, 2, 3, 4], "from": "09:15", "to": "15:30"},
    "results": {
        "copied": 10,
        "skipped": 1,
        "failed": 0,
        "pending": 0,
        "success_rate": "100",
        "latency": LATENCY,
        "open_positions": 1,
        "asset": "INR",
        "realized_pnl": "120.5",
        "fees": "7.35",
        "unrealized_pnl": "-3.2",
        "value": "10109.95",
    },
    "started_at": NOW,
    "ended_at": None,
}
FOLLOW = {"master_id": 1, "copy_strategy": "FIXED_RATIO", "ratio": 1.0}
FOLLOW_LIMITED = {
    "master_id": 1,
    "copy_strategy": "PERCENTAGE",
    "percentage": "5",
    "max_order": "2000",
    "max_daily_loss": "500",
    "denied_symbols": ["DOGEUSDT"],
}
FOLLOW_WATCHED = {"platform": "binance", "lead_id": "3954960147375012609", "ratio": "0.1"}
UNFOLLOW = {"master_id": 1, "close": True}
UNFOLLOWED = {"master_id": 1, "copies": [{**FOLLOWED, "state": "stopping", "is_active": False}]}
