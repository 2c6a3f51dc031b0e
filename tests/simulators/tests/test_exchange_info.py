"""What is listed."""

from tests.simulators.tests.client import API, DAPI, FAPI, Client


def _names(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [entry["symbol"] for entry in body["symbols"]]


def test_each_market_lists_its_recorded_symbols(client: Client) -> None:
    assert sorted(_names(client.public(f"{API}exchangeInfo"))) == ["BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert sorted(_names(client.public(f"{FAPI}exchangeInfo"))) == ["BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert _names(client.public(f"{DAPI}exchangeInfo")) == ["BTCUSD_PERP", "BTCUSD_261225"]


def test_the_futures_market_ignores_the_symbol(client: Client) -> None:
    assert len(_names(client.public(f"{FAPI}exchangeInfo", symbol="ETHUSDT"))) == 4
    assert len(_names(client.public(f"{FAPI}exchangeInfo", symbol="NONSENSE"))) == 4


def test_the_spot_market_chooses_by_symbol(client: Client) -> None:
    assert _names(client.public(f"{API}exchangeInfo", symbol="ETHUSDT")) == ["ETHUSDT"]
    chosen = client.public(f"{API}exchangeInfo", symbols='["BTCUSDT","SOLUSDT"]')
    assert _names(chosen) == ["BTCUSDT", "SOLUSDT"]
    assert client.raw("GET", f"{API}exchangeInfo?symbol=NONSENSE").code == -1121


def test_the_time_is_that_of_the_server(client: Client) -> None:
    before = client.public(f"{API}time")["serverTime"]
    assert before <= client.public(f"{API}exchangeInfo")["serverTime"] <= client.public(f"{FAPI}time")["serverTime"]


def test_a_symbol_may_be_listed_after_the_model_of_another_one(client: Client) -> None:
    client.exchange.symbol(
        "coin_m", "ETHUSD_PERP", like="BTCUSD_PERP", contractSize=10, filters={"PRICE_FILTER": {"tickSize": "0.01"}}
    )
    listed = {entry["symbol"]: entry for entry in client.public(f"{DAPI}exchangeInfo")["symbols"]}["ETHUSD_PERP"]
    assert (listed["baseAsset"], listed["marginAsset"], listed["pair"]) == ("ETH", "ETH", "ETHUSD")
    assert (listed["contractSize"], listed["filters"][0]["tickSize"]) == (10, "0.01")
    assert client.public(f"{DAPI}klines", symbol="ETHUSD_PERP", interval="1m", limit=1)


def test_an_unknown_path_is_not_found(client: Client) -> None:
    reply = client.raw("GET", f"{FAPI}nothing")
    assert (reply.status, reply.code) == (404, -5000)
