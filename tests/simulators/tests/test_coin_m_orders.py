"""Orders of COIN-M: contracts, and money in coins."""

from decimal import Decimal

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import DAPI, Client

PERP = "BTCUSD_PERP"


def _wallet(client: Client) -> Decimal:
    [row] = client.ok("GET", f"{DAPI}balance")
    return Decimal(row["balance"])


def _position(client: Client) -> tuple[str, Decimal]:
    row = next(row for row in client.ok("GET", f"{DAPI}positionRisk", pair="BTCUSD") if row["symbol"] == PERP)
    return row["positionAmt"], Decimal(row["entryPrice"])


def test_profits_are_inverse_and_paid_in_coins(client: Client) -> None:
    client.exchange.price("coin_m", PERP, "50000")
    order = client.market(DAPI, PERP, "BUY", "10")
    assert (order["cumBase"], order["avgPrice"], order["pair"]) == ("0.02000000", "50000.0", "BTCUSD")
    client.exchange.price("coin_m", PERP, "62500")
    client.market(DAPI, PERP, "SELL", "10")
    trade = client.ok("GET", f"{DAPI}userTrades", symbol=PERP)[-1]
    assert (trade["realizedPnl"], trade["baseQty"], trade["quoteQty"]) == ("0.00400000", "0.01600000", "1000")
    assert (trade["commission"], trade["commissionAsset"]) == ("0.00000800", "BTC")
    assert _wallet(client) == Decimal(10) + Decimal("0.004") - Decimal("0.00001") - Decimal("0.000008")


def test_the_entry_price_is_the_harmonic_mean(client: Client) -> None:
    client.exchange.price("coin_m", PERP, "40000")
    client.market(DAPI, PERP, "SELL", "10")
    client.exchange.price("coin_m", PERP, "60000")
    client.market(DAPI, PERP, "SELL", "10")
    assert _position(client) == ("-20", Decimal(48000))


def test_an_average_price_weighs_coins(client: Client) -> None:
    client.exchange.price("coin_m", PERP, "40000")
    client.exchange.fills("coin_m", PERP, parts=2, slip=200_000)
    assert client.market(DAPI, PERP, "BUY", "20")["avgPrice"] == "48000.0"


def test_margin_is_counted_in_coins(exchange: BinanceSimulator) -> None:
    exchange.price("coin_m", PERP, "50000")
    with Client(exchange, exchange.account(balances={"coin_m": {"BTC": "0.01"}})) as client:
        order = {"symbol": PERP, "side": "BUY", "type": "MARKET"}
        assert client.signed("POST", f"{DAPI}order", **order, quantity="101").code == -2019
        assert client.signed("POST", f"{DAPI}order", **order, quantity="99").status == 200


def test_contracts_are_whole_and_have_no_least_worth(client: Client) -> None:
    order = {"symbol": PERP, "side": "BUY", "type": "MARKET"}
    assert client.signed("POST", f"{DAPI}order", **order, quantity="1.5").code == -1111
    assert client.signed("POST", f"{DAPI}order", **order, quantity="1").status == 200
    assert client.signed("POST", f"{DAPI}order", **order, quantity="60001").code == -4005


def test_orders_are_found_by_pair(client: Client) -> None:
    client.market(DAPI, PERP, "BUY", "1")
    client.market(DAPI, "BTCUSD_261225", "BUY", "1")
    assert len(client.ok("GET", f"{DAPI}allOrders", pair="BTCUSD")) == 2
    assert len(client.ok("GET", f"{DAPI}allOrders", symbol=PERP)) == 1
    assert client.signed("GET", f"{DAPI}allOrders").code == -1102
    assert client.signed("GET", f"{DAPI}openOrders", symbol="NONSENSE").code == -1121
