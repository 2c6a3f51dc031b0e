"""Listing, reading and cancelling orders through the proxy: only one's own, and never another symbol's."""

import pytest

from markets.models import Market
from orders.models import Order, Origin
from orders.tests.proxy_kit import KEY, SPOT_LIMIT, USDM_LIMIT, Caller, at, live_account
from tests.factories import make_market, make_order, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]
MARKET_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.002"}


def test_recent_orders_are_the_open_ones_and_three_finished_ones_newest_first(ada):
    resting = ada.post("spot/order", SPOT_LIMIT).data["id"]
    filled = [ada.post("spot/order", MARKET_BUY).data["id"] for _ in range(5)]

    answer = ada.get("spot/orders", symbol="BTCUSDT")

    assert [order["id"] for order in answer.data] == [*filled[:1:-1], resting]
    assert answer.body["meta"] == {"total": 4, "limit": 50, "offset": 0}
    assert Order.objects.count() == 6


def test_the_list_has_pages(ada):
    placed = [ada.post("spot/order", SPOT_LIMIT).data["id"] for _ in range(3)]

    answer = ada.get("spot/orders", limit=1, offset=1)

    assert [order["id"] for order in answer.data] == [placed[1]]
    assert answer.body["meta"] == {"total": 3, "limit": 1, "offset": 1}
    assert ada.get("spot/orders", limit=0).status == ada.get("spot/orders", limit=501).status == 400


def test_market_types_have_lists_of_their_own(ada):
    ada.post("spot/order", SPOT_LIMIT)
    usd_m = ada.post("futures/order", USDM_LIMIT).data["id"]
    coin_m = {**USDM_LIMIT, "symbol": "BTCUSD_PERP", "quantity": 1, "marketType": "coin_m"}
    coin_m_id = ada.post("futures/order", coin_m).data["id"]

    def ids(**query: str) -> list[int]:
        return [order["id"] for order in ada.get("futures/orders", **query).data]

    assert ids() == [coin_m_id, usd_m]
    assert ids(market_type="usd_m") == ids(symbol="btcusdt") == [usd_m]
    assert ids(marketType="coin_m") == [coin_m_id]
    assert len(ada.get("spot/orders").data) == 1


def test_a_known_symbol_without_orders_is_an_empty_list_and_an_unknown_one_is_404(ada):
    make_market(venue="binance", symbol="ETHUSDT")

    assert ada.get("spot/orders", symbol="ETHUSDT").data == []
    assert ada.get("spot/orders", symbol="NOPEUSDT").error["code"] == "NOT_FOUND"
    assert ada.get("futures/orders", symbol="BTCUSDT", market_type="coin_m").status == 404


@pytest.mark.parametrize(
    "query",
    [
        {"account": "x"},
        {"account": "0" * 30},
        {"market_type": "spott"},
        {"symbol": "BTC USDT"},
        {"symbol": "\0"},
        {"market_type": "usd_m", "marketType": "coin_m"},
    ],
)
def test_wrong_queries_are_refused(ada, query):
    assert ada.get("futures/orders", **query).status == 400


def test_orders_of_another_person_are_in_no_list(ada):
    bob = Caller(make_user())
    live_account(bob.user)
    bobs = bob.post("spot/order", SPOT_LIMIT).data

    assert ada.get("spot/orders").data == []
    assert ada.get("spot/orders", account=bobs["account"]).status == 404
    for query in ({"orderId": bobs["order_id"]}, {"origClientOrderId": bobs["client_order_id"]}):
        assert ada.get("spot/order", symbol="BTCUSDT", **query).status == 404
        assert ada.delete("spot/order", symbol="BTCUSDT", **query).status == 404
    assert Order.objects.get().state == "NEW"


def test_an_order_is_read_as_binance_has_it_now(ada, binance):
    placed = ada.post("spot/order", SPOT_LIMIT).data
    binance.fill(KEY, "spot", int(placed["order_id"]), quantity="0.0004")

    for query in ({"orderId": placed["order_id"]}, {"origClientOrderId": placed["client_order_id"]}):
        answer = ada.get("spot/order", symbol="BTCUSDT", **query)
        assert (answer.data["status"], answer.data["executed_qty"]) == ("PARTIALLY_FILLED", "0.0004")


def test_an_order_is_read_as_it_was_known_where_binance_does_not_answer(ada, binance):
    placed = ada.post("spot/order", SPOT_LIMIT).data
    binance.fault("error", method="GET", path="/api/v3/order", count=None, status=500)

    answer = ada.get("spot/order", symbol="BTCUSDT", orderId=placed["order_id"])

    assert (answer.status, answer.data["status"]) == (200, "NEW")


@pytest.mark.parametrize(
    "query", [{}, {"symbol": "BTCUSDT"}, {"orderId": "1"}, {"symbol": "BTCUSDT", "orderId": "a b"}]
)
def test_an_order_is_named_by_symbol_and_id(ada, query):
    assert ada.get("spot/order", **query).status == 400
    assert ada.delete("spot/order", **query).status == 400


def test_an_order_is_cancelled_at_binance(ada, binance):
    placed = ada.post("futures/order", USDM_LIMIT).data

    answer = ada.delete("futures/order", symbol="BTCUSDT", orderId=placed["order_id"])

    assert (answer.status, answer.data["status"]) == (200, "CANCELED")
    assert [order["status"] for order in binance.orders(KEY, "usd_m")] == ["CANCELED"]
    again = ada.delete("futures/order", symbol="BTCUSDT", orderId=placed["order_id"])
    assert (again.status, again.data["status"]) == (200, "CANCELED")


def test_a_waiting_stop_is_cancelled_too(ada, binance):
    body = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "50000.0", "quantity": "0.002"}
    placed = ada.post("futures/order", body).data

    answer = ada.delete("futures/order", symbol="BTCUSDT", origClientOrderId=placed["client_order_id"])

    assert (answer.status, answer.data["status"]) == (200, "CANCELED"), answer.body


def test_an_order_that_filled_in_the_meantime_stays_filled(ada, binance):
    placed = ada.post("spot/order", SPOT_LIMIT).data
    binance.fill(KEY, "spot", int(placed["order_id"]))

    answer = ada.delete("spot/order", symbol="BTCUSDT", orderId=placed["order_id"])

    assert (answer.status, answer.data["status"]) == (200, "FILLED")


def test_cancelling_never_reaches_another_symbols_order(ada, binance):
    """Order ids collide across markets and symbols; so do client ids across accounts."""
    make_market(venue="binance", symbol="ETHUSDT")
    spot = ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "same"}).data
    futures = ada.post("futures/order", {**USDM_LIMIT, "newClientOrderId": "same"}).data
    Order.objects.filter(pk=futures["id"]).update(venue_order_id=spot["order_id"])

    for query in ({"orderId": spot["order_id"]}, {"origClientOrderId": "same"}):
        assert ada.delete("spot/order", symbol="ETHUSDT", **query).status == 404
    answer = ada.delete("spot/order", symbol="BTCUSDT", orderId=spot["order_id"])

    assert answer.data["id"] == spot["id"]
    assert [order["status"] for order in binance.orders(KEY, "spot")] == ["CANCELED"]
    assert [order["status"] for order in binance.orders(KEY, "usd_m")] == ["NEW"]


def test_both_ids_must_be_those_of_one_order(ada):
    first, second = (ada.post("spot/order", SPOT_LIMIT).data for _ in range(2))
    query = {"orderId": first["order_id"], "origClientOrderId": second["client_order_id"]}

    assert ada.delete("spot/order", symbol="BTCUSDT", **query).status == 404


def test_an_id_that_two_accounts_have_asks_for_the_account(ada):
    second, market = live_account(ada.user), Market.objects.get(venue="binance")
    for account in ada.user.trading_accounts.filter(venue="binance"):
        make_order(account=account, market=market, client_order_id="same", state="FILLED", origin=Origin.MANUAL)

    answer = ada.get("spot/order", symbol="BTCUSDT", origClientOrderId="same")
    assert set(answer.problems) == {"account"}
    chosen = ada.get("spot/order", symbol="BTCUSDT", origClientOrderId="same", account=second.pk)
    assert chosen.data["account"] == second.pk


@pytest.mark.parametrize("path", ["spot/order/", "spot/orders/", "order/", "futures/order/"])
def test_routes_answer_with_a_slash_too(ada, path):
    body = USDM_LIMIT if "futures" in path else SPOT_LIMIT

    answer = ada.get(path) if "orders" in path else ada.post(path, body)

    assert answer.body["success"]


def test_the_list_takes_as_many_statements_for_many_orders_as_for_one(ada, django_assert_num_queries):
    account, market = at(ada.user, "binance"), Market.objects.get(venue="binance")
    for number in range(10):
        make_order(account=account, market=market, origin=Origin.PROXY, client_order_id=str(number))

    with django_assert_num_queries(4):  # the key, its last use, the orders, how many
        assert len(ada.get("spot/orders").data) == 10


def test_an_order_and_a_conditional_one_of_the_same_number_are_two_orders(ada, binance):
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "60000", "closePosition": True}
    waiting = ada.post("futures/order", stop).data
    plain = ada.post("futures/order", USDM_LIMIT).data
    assert waiting["order_id"] == plain["order_id"]

    answer = ada.delete("futures/order", symbol="BTCUSDT", orderId=plain["order_id"])
    cancelled = ada.delete("futures/order", symbol="BTCUSDT", origClientOrderId=plain["client_order_id"])

    assert (answer.status, list(answer.problems)) == (400, ["orderId"])
    assert cancelled.data["status"] == "CANCELED"
    assert Order.objects.get(pk=waiting["id"]).state == "NEW"
