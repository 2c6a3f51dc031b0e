"""Bitcoin as Binance lists it: columns of `Market` by venue, from the recorded exchangeInfo."""

from decimal import Decimal
from typing import Any


def _bitcoin(symbol: str, kind: str, quote: str, margin: str, **rules: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "kind": kind,
        "base_asset": "BTC",
        "quote_asset": quote,
        "margin_asset": margin,
        **{name: Decimal(rule) for name, rule in rules.items()},
    }


BITCOIN: dict[str, dict[str, Any]] = {
    "binance": _bitcoin(
        "BTCUSDT",
        "spot",
        "USDT",
        "",
        price_tick="0.01",
        price_min="0.01",
        price_max="1000000",
        quantity_step="0.00001",
        quantity_min="0.00001",
        quantity_max="9000",
        market_quantity_max="129.84957276",
        notional_min="5",
        notional_max="9000000",
        price_factor_up="5",
        price_factor_down="0.2",
    ),
    "binanceusdm": {
        **_bitcoin(
            "BTCUSDT",
            "usd_m",
            "USDT",
            "USDT",
            price_tick="0.10",
            price_min="556.80",
            price_max="4529764",
            quantity_step="0.001",
            quantity_min="0.001",
            quantity_max="1000",
            market_quantity_step="0.001",
            market_quantity_min="0.001",
            market_quantity_max="120",
            notional_min="50",
            price_factor_up="1.05",
            price_factor_down="0.95",
            trigger_protect="0.05",
        ),
        "pair": "BTCUSDT",
        "contract_type": "PERPETUAL",
    },
    "binancecoinm": {
        **_bitcoin(
            "BTCUSD_PERP",
            "coin_m",
            "USD",
            "BTC",
            contract_size="100",
            price_tick="0.1",
            price_min="1000",
            price_max="4520958",
            quantity_step="1",
            quantity_min="1",
            quantity_max="1000000",
            market_quantity_step="1",
            market_quantity_min="1",
            market_quantity_max="60000",
            price_factor_up="1.05",
            price_factor_down="0.95",
            trigger_protect="0.05",
        ),
        "pair": "BTCUSD",
        "contract_type": "PERPETUAL",
    },
}
