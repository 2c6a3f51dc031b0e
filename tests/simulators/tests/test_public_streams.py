"""Public streams: prices as they change."""

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import Socket


@pytest.mark.parametrize("door", ["market", "public"])
def test_a_subscription_is_told_the_present_and_every_change(exchange: BinanceSimulator, door: str) -> None:
    exchange.price("usd_m", "BTCUSDT", "50000")
    with Socket(exchange, f"/fstream/{door}/ws") as socket:
        assert socket.say(method="SUBSCRIBE", params=["btcusdt@bookTicker"], id=5) == {"result": None, "id": 5}
        first = socket.hear()
        assert (first["s"], first["b"], first["a"]) == ("BTCUSDT", "49999.90", "50000.10")
        exchange.price("usd_m", "BTCUSDT", "51000")
        assert socket.hear()["b"] == "50999.90"
        exchange.price("usd_m", "ETHUSDT", "3000")
        assert socket.say(method="UNSUBSCRIBE", params=["btcusdt@bookTicker"], id=6)["id"] == 6
        exchange.price("usd_m", "BTCUSDT", "52000")
        assert socket.waiting() == []


def test_a_combined_stream_names_each_message(exchange: BinanceSimulator) -> None:
    path = "/fstream/market/stream?streams=btcusdt@markPrice@1s/btcusdt@aggTrade"
    with Socket(exchange, path) as socket:
        assert socket.hear()["data"]["e"] == "markPriceUpdate"
        exchange.price("usd_m", "BTCUSDT", "51000", mark="51001")
        told = {message["stream"]: message["data"] for message in socket.events(2)}
        assert told["btcusdt@markPrice@1s"]["p"] == "51001.00000000"
        assert told["btcusdt@aggTrade"]["p"] == "51000.00"


@pytest.mark.parametrize(
    ("path", "market", "symbol"),
    [
        ("/ws/btcusdt@trade", "spot", "BTCUSDT"),
        ("/fstream/ws/btcusdt@trade", "usd_m", "BTCUSDT"),
        ("/dstream/ws/btcusd_perp@trade", "coin_m", "BTCUSD_PERP"),
    ],
)
def test_each_market_has_its_streams(exchange: BinanceSimulator, path: str, market: str, symbol: str) -> None:
    with Socket(exchange, path) as socket:
        for other in {"spot", "usd_m"} - {market}:
            exchange.price(other, "BTCUSDT", "50000")
        exchange.price(market, symbol, "51000")
        event = socket.hear()
        assert (event["e"], event["s"], float(event["p"])) == ("trade", symbol, 51000)


def test_subscriptions_are_listed(exchange: BinanceSimulator) -> None:
    with Socket(exchange, "/ws/btcusdt@trade") as socket:
        assert socket.say(method="LIST_SUBSCRIPTIONS", id=1) == {"result": ["btcusdt@trade"], "id": 1}
        assert "error" in socket.say(method="DANCE", id=2)
