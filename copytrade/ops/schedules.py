"""What runs by itself, and when."""

from typing import Any

from django.conf import settings


def schedules() -> dict[str, dict[str, Any]]:
    """Return by name the task and either its seconds or its crontab, in UTC."""
    return {
        "Recompute all scores": {"task": "traders.scores_refresh_all", "crontab": {"minute": "7"}},
        "Announce leaders whose data became stale": {"task": "traders.staleness_announce", "every_seconds": 60},
        "Prune ingest batches": {"task": "ingest.batches_prune", "crontab": {"hour": "3", "minute": "17"}},
        "Prune used refresh tokens": {"task": "accounts.used_tokens_prune", "crontab": {"hour": "3", "minute": "47"}},
        "Prune idempotency keys": {"task": "accounts.idempotency_prune", "crontab": {"hour": "3", "minute": "37"}},
        "Send orders left behind, and ask about open ones": {"task": "orders.sweep", "every_seconds": 3},
        "Find paper accounts that were liquidated": {"task": "orders.liquidations", "every_seconds": 3},
        "Watch over what copies hold": {"task": "replication.protect", "every_seconds": 5},
        "Find what copies have left behind": {"task": "replication.sweep", "every_seconds": 3},
        "Compare accounts with their venues": {"task": "orders.reconcile", "every_seconds": 60},
        "Ask venues what accounts have": {"task": "orders.sync_accounts", "every_seconds": 60},
        "Prune stream events": {"task": "realtime.events_prune", "crontab": {"minute": "27"}},
        "Sync candles": {"task": "markets.candles_sync", "every_seconds": settings.CANDLESTICK_SYNC_INTERVAL},
        "Refresh the markets of venues that are due": {"task": "markets.refresh_due", "every_seconds": 60},
        "Prune candles": {"task": "markets.candles_prune", "crontab": {"minute": "37"}},
    }
