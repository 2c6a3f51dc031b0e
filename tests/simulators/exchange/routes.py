"""All endpoints of the three markets, each on its real path."""

from collections.abc import Callable
from typing import Any

from tests.simulators.exchange import algo_api, futures_account, futures_orders, market_api, spot_api
from tests.simulators.exchange.calls import Call, Endpoint, Security
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.params import Params
from tests.simulators.exchange.refusals import Refusal

Handler = Callable[[Call], Any]
Routes = dict[tuple[str, str], Endpoint]

TRADING: dict[tuple[str, str], tuple[Handler, bool]] = {
    ("POST", "order"): (futures_orders.place, True),
    ("POST", "order/test"): (futures_orders.test, False),
    ("POST", "batchOrders"): (futures_orders.place_batch, True),
    ("DELETE", "order"): (futures_orders.cancel, False),
    ("DELETE", "allOpenOrders"): (futures_orders.cancel_all, False),
    ("POST", "algoOrder"): (algo_api.place, True),
    ("DELETE", "algoOrder"): (algo_api.cancel, False),
    ("DELETE", "algoOpenOrders"): (algo_api.cancel_all, False),
    ("POST", "leverage"): (futures_account.leverage, False),
    ("POST", "marginType"): (futures_account.margin_type, False),
    ("POST", "positionSide/dual"): (futures_account.set_position_mode, False),
}
READING: dict[tuple[str, str], tuple[Handler, int]] = {
    ("GET", "order"): (futures_orders.query, 1),
    ("GET", "openOrder"): (futures_orders.open_order, 1),
    ("GET", "allOrders"): (futures_orders.all_orders, 5),
    ("GET", "userTrades"): (futures_orders.user_trades, 5),
    ("GET", "algoOrder"): (algo_api.query, 1),
    ("GET", "openAlgoOrders"): (algo_api.open_algos, 1),
    ("GET", "allAlgoOrders"): (algo_api.all_algos, 5),
    ("GET", "symbolConfig"): (futures_account.symbol_config, 5),
    ("GET", "positionSide/dual"): (futures_account.position_mode, 30),
    ("GET", "commissionRate"): (futures_account.commission_rate, 20),
}
PUBLIC: dict[str, tuple[Handler, int]] = {
    "ping": (market_api.ping, 1),
    "time": (market_api.time, 1),
    "exchangeInfo": (market_api.exchange_info, 1),
    "depth": (market_api.depth, 5),
    "ticker/price": (market_api.ticker_price, 1),
    "ticker/bookTicker": (market_api.book_ticker, 2),
    "ticker/24hr": (market_api.ticker_day, 1),
    "klines": (market_api.klines, 2),
}
SPOT_WEIGHTS = {"exchangeInfo": 20, "ticker/price": 2, "ticker/24hr": 2}
VERSIONED: dict[tuple[Market, str], tuple[Handler, int]] = {
    (Market.USD_M, "/fapi/v2/account"): (futures_account.account, 5),
    (Market.USD_M, "/fapi/v3/account"): (futures_account.account_v3, 5),
    (Market.USD_M, "/fapi/v2/balance"): (futures_account.balance, 5),
    (Market.USD_M, "/fapi/v3/balance"): (futures_account.balance, 5),
    (Market.USD_M, "/fapi/v2/positionRisk"): (futures_account.position_risk, 5),
    (Market.USD_M, "/fapi/v3/positionRisk"): (futures_account.position_risk_v3, 5),
    (Market.COIN_M, "/dapi/v1/account"): (futures_account.account, 5),
    (Market.COIN_M, "/dapi/v1/balance"): (futures_account.balance, 1),
    (Market.COIN_M, "/dapi/v1/positionRisk"): (futures_account.position_risk, 1),
}


def _kline_weight(params: Params) -> int:
    text = params.get("limit")
    limit = int(text) if text.isdigit() else 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def _open_orders_weight(params: Params) -> int:
    return 1 if params.get("symbol") else 40


def _premium_weight(params: Params) -> int:
    return 1 if params.get("symbol") else 10


def _retired(call: Call) -> Any:
    raise Refusal(-1, "This endpoint is retired; subscribe to user data over the WebSocket API.", status=410)


def _spot() -> Routes:
    market = Market.SPOT
    routes = dict(spot_api.ENDPOINTS)
    for name, (handle, weight) in PUBLIC.items():
        endpoint = Endpoint(handle, market, Security.NONE, SPOT_WEIGHTS.get(name, weight))
        routes["GET", f"/api/v3/{name}"] = endpoint
    for method in ("POST", "PUT", "DELETE"):
        routes[method, "/api/v3/userDataStream"] = Endpoint(_retired, market, Security.NONE)
    return routes


def _futures(market: Market, prefix: str) -> Routes:
    routes: Routes = {}
    for (method, name), (handle, counts) in TRADING.items():
        weight = 0 if counts else 1
        routes[method, prefix + name] = Endpoint(handle, market, weight=weight, permission="futures", counts=counts)
    for (method, name), (handle, weight) in READING.items():
        routes[method, prefix + name] = Endpoint(handle, market, weight=weight)
    routes["GET", prefix + "openOrders"] = Endpoint(futures_orders.open_orders, market, weight=_open_orders_weight)
    for name, (handle, weight) in PUBLIC.items():
        routes["GET", prefix + name] = Endpoint(handle, market, Security.NONE, weight)
    routes["GET", prefix + "klines"] = Endpoint(market_api.klines, market, Security.NONE, _kline_weight)
    premium_weight = 10 if market is Market.COIN_M else _premium_weight
    routes["GET", prefix + "premiumIndex"] = Endpoint(market_api.premium_index, market, Security.NONE, premium_weight)
    routes["GET", prefix + "openInterest"] = Endpoint(market_api.open_interest, market, Security.NONE)
    for method, handle in (
        ("POST", futures_account.open_listen_key),
        ("PUT", futures_account.extend_listen_key),
        ("DELETE", futures_account.close_listen_key),
    ):
        routes[method, prefix + "listenKey"] = Endpoint(handle, market, Security.KEY)
    return routes


def routes() -> Routes:
    """Return the endpoint of each method and path. `/futures/data` tells its markets apart by `pair`."""
    table = {**_spot(), **_futures(Market.USD_M, "/fapi/v1/"), **_futures(Market.COIN_M, "/dapi/v1/")}
    for (market, path), (handle, weight) in VERSIONED.items():
        table["GET", path] = Endpoint(handle, market, weight=weight)
    return table


HISTORY_PATH = "/futures/data/openInterestHist"
HISTORY = {
    market: Endpoint(market_api.open_interest_history, market, Security.NONE, 0)
    for market in (Market.USD_M, Market.COIN_M)
}
