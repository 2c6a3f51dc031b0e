"""What the launcher tells the person who started it."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

_RULE = "=" * 72


def credentials_text(created: Mapping[str, str | None]) -> str:
    """The sign-in and the key that were made at this start, framed; empty where none was."""
    labels = {
        "staff_email": "staff user",
        "staff_password": "password",
        "ingest_key": "ingest key (INGEST_API_KEY)",
    }
    rows = [f"  {label:<28} {created[key]}" for key, label in labels.items() if created.get(key)]
    if not rows:
        return ""
    return "\n".join([_RULE, "First start. Keep these, they are shown only this once:", "", *rows, _RULE])


def first_payload(now: datetime) -> dict[str, object]:
    """A small report of one open position, as a collector would push it."""
    fetched_at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    lead_id = "4681698170884314113"
    position = {
        "platform": "binance",
        "leadId": lead_id,
        "symbol": "BTCUSDT",
        "side": "SHORT",
        "leverage": 120,
        "size": -0.108,
        "sizeAsset": "BTC",
        "entryPrice": 86232.48,
        "markPrice": 72469.70,
        "marginUSDT": 65.22,
        "pnlUSDT": 1486.38,
        "roePct": 2278.93,
        "fetchedAt": fetched_at,
    }
    return {"leadId": lead_id, "fetchedAt": fetched_at, "positions": [position]}


def welcome_text(base_url: str, ingest_key: str | None, now: datetime, trade_key_file: Path | None = None) -> str:
    """The addresses, and commands that push a first payload and, where a file holds a key for it, place a paper order.

    `ingest_key` is None where only the reader knows it: the command then takes $INGEST_API_KEY.
    """
    key = ingest_key or "$INGEST_API_KEY"
    return f"""
CopyTrade is up.

  home        {base_url}/
  API docs    {base_url}/docs   (also {base_url}/redoc)
  admin       {base_url}/admin/
  WebSocket   {base_url.replace("http", "ws", 1)}/ws/

Push a first payload from another terminal:

curl -sS -X POST {base_url}/ingest/binance-copytrade \\
  -H 'Content-Type: application/json' -H "X-API-Key: {key}" \\
  -d '{json.dumps(first_payload(now))}'
{_paper_order_text(base_url, trade_key_file) if trade_key_file else ""}
Ctrl-C stops everything; the data stays.
"""


def _paper_order_text(base_url: str, trade_key_file: Path) -> str:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    return f"""
Place a paper order of the demo's trader:

curl -sS {base_url}/api/binance/futures/order \\
  -H 'Content-Type: application/json' -H "X-API-Key: $(cat '{trade_key_file}')" \\
  -d '{json.dumps(order)}'
"""
