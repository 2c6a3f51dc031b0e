"""Settings that lead to a simulator instead of the world."""

from django.test import override_settings

from tests.simulators.binance import BinanceSimulator


def pointed_at(exchange: BinanceSimulator) -> override_settings:
    """Return a context in which all addresses of Binance are those of a simulator."""
    return override_settings(
        BINANCE_SPOT_URL=exchange.url,
        BINANCE_USDM_URL=exchange.url,
        BINANCE_COINM_URL=exchange.url,
        BINANCE_SPOT_STREAM_URL=exchange.ws_url,
        BINANCE_USDM_STREAM_URL=f"{exchange.ws_url}/fstream",
        BINANCE_COINM_STREAM_URL=f"{exchange.ws_url}/dstream",
        BINANCE_SPOT_WS_API_URL=f"{exchange.ws_url}/ws-api/v3",
    )
