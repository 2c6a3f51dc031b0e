"""A user sees what is held and what it is worth, with the age of the price, and closes it by one order."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from markets.models import Market
from markets.prices import prices_write
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from orders.models import Fill, HaltMode, HaltScope, Holding, Mode, Order, Origin, TradingAccount, TradingHalt
from orders.services.accounts import account_create
from orders.services.closing import closing_quantity
from orders.services.halts import halt_create
from orders.services.placing import order_write, orders_place
from tests.factories import make_account, make_holding, make_market, make_order, make_user
from tests.listings import BITCOIN


@pytest.fixture
def owner(client):
    user = make_user()
    client.force_login(user)
    return user


def set_price(price: str, *, venue: str = "binanceusdm", kind: str = "usd_m", age: float = 0, symbol: str = "BTCUSDT"):
    time, value = timezone.now() - timedelta(seconds=age), Decimal(price)
    prices_write(venue, [PriceReport(symbol, MarketKind(kind), time, last=value, bid=value, ask=value, mark=value)])


def get(client: Client, path: str) -> Any:
    response = client.get(f"/api/positions/{path}")
    assert response.status_code == 200, response.content
    return response.json()


def statements(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.django_db
class TestReading:
    def test_an_open_position_has_its_worth_at_the_newest_price(self, client, owner):
        set_price("87000")
        make_holding(account=make_account(user=owner, name="Main"), realized_pnl=Decimal("-1.50"), fees=Decimal("0.3"))
        row = get(client, "")["data"][0]
        expected = {
            "account_name": "Main",
            "symbol": "BTCUSDT",
            "market_type": "usd_m",
            "side": "LONG",
            "open": True,
            "quantity": "0.01",
            "entry_price": "86232.4",
            "price": "87000",
            "stale": False,
            "value": "870",
            "unrealized_pnl": "7.676",
            "realized_pnl": "-1.5",
            "fees": "0.3",
            "settle_asset": "USDT",
        }
        assert {name: row[name] for name in expected} == expected

    def test_fees_in_other_assets_are_told_beside_those_that_count(self, client, owner):
        account = make_account(user=owner)
        make_holding(account=account, fees=Decimal("0.3"), other_fees={"BNB": "0.000420", "ETH": "0E-8"})
        row = get(client, "")["data"][0]
        assert (row["fees"], row["other_fees"]) == ("0.3", {"BNB": "0.00042", "ETH": "0"})
        assert get(client, "summary")["data"]["assets"][0]["fees"] == "0.3"

    def test_a_short_position_gains_when_the_price_falls(self, client, owner):
        set_price("86000")
        make_holding(account=make_account(user=owner), quantity=Decimal("-0.01"))
        row = get(client, "open")["data"][0]
        assert (row["side"], row["quantity"], row["unrealized_pnl"]) == ("SHORT", "-0.01", "2.324")

    def test_an_inverse_position_is_counted_in_coins(self, client, owner):
        account = make_account(user=owner, venue="binancecoinm")
        set_price("100000", venue="binancecoinm", kind="coin_m", symbol="BTCUSD_PERP")
        make_holding(account=account, quantity=Decimal(10), cost=Decimal("0.0125"))
        row = get(client, "open")["data"][0]
        assert (row["settle_asset"], row["entry_price"], row["value"]) == ("BTC", "80000", "0.01")
        assert row["unrealized_pnl"] == "0.0025"

    def test_without_a_price_the_worth_is_not_known_and_not_zero(self, client, owner):
        make_holding(account=make_account(user=owner))
        row = get(client, "")["data"][0]
        assert (row["price"], row["value"], row["unrealized_pnl"], row["stale"]) == (None, None, None, True)

    def test_an_old_price_is_marked_stale(self, client, owner, settings):
        set_price("87000", age=settings.PRICE_STALE_AFTER_SECONDS + 1)
        make_holding(account=make_account(user=owner))
        row = get(client, "")["data"][0]
        assert (row["price"], row["stale"]) == ("87000", True)

    def test_the_venues_own_mark_counts_where_it_is_newer(self, client, owner):
        set_price("87000", age=60)
        make_holding(account=make_account(user=owner), mark_price=Decimal(88000), venue_at=timezone.now())
        row = get(client, "")["data"][0]
        assert (row["price"], row["stale"]) == ("88000", False)

    def test_a_closed_position_keeps_its_result_and_is_never_stale(self, client, owner):
        make_holding(account=make_account(user=owner), quantity=Decimal(0), cost=Decimal(0), realized_pnl=Decimal(5))
        row = get(client, "")["data"][0]
        assert (row["side"], row["open"], row["stale"], row["realized_pnl"]) == ("FLAT", False, False, "5")
        assert get(client, "open")["data"] == []

    def test_filters_by_account_symbol_and_open(self, client, owner):
        first, second = make_account(user=owner), make_account(user=owner)
        ether = make_market(symbol="ETHUSDT", base_asset="ETH")
        make_holding(account=first)
        make_holding(account=second, market=ether)
        make_holding(account=second, quantity=Decimal(0))

        def found(query: str) -> int:
            return int(get(client, f"?{query}")["meta"]["total"])

        assert found("") == 3
        assert found(f"account={second.pk}") == 2
        assert found("symbol=ethusdt") == 1
        make_market(symbol="DOGEUSDT")
        assert found("symbol=DOGEUSDT") == 0
        for path in ("", "open", "summary"):
            assert client.get(f"/api/positions/{path}?symbol=NOWHEREUSDT").status_code == 404
        assert (found("open=true"), found("open=false")) == (2, 1)
        assert found(f"account={second.pk}&open=false&symbol=BTCUSDT") == 1

    @pytest.mark.parametrize(
        "query",
        ["account=x", "account=0", "account=-1", "account=99999999999999999999", "open=1", "limit=0", "symbol="],
    )
    def test_wrong_filters_are_refused(self, client, owner, query):
        assert client.get(f"/api/positions/?{query}").status_code == 400

    def test_nobody_sees_those_of_others(self, client, owner):
        other = make_holding()
        assert get(client, "")["data"] == []
        assert get(client, "summary")["data"] == {"open_positions": 0, "assets": [], "stale": False}
        assert client.get(f"/api/positions/?account={other.account_id}").status_code == 404
        assert client.post(f"/api/positions/{other.pk}/close").status_code == 404
        client.logout()
        assert client.get("/api/positions/").status_code == 401

    @pytest.mark.parametrize("path", ["", "open", "summary"])
    def test_takes_as_many_statements_for_one_as_for_twenty(self, client, owner, path):
        make_holding(account=make_account(user=owner), realized_pnl=Decimal(1))
        with_one = statements(lambda: get(client, path))
        for _ in range(19):
            make_holding(account=make_account(user=owner), realized_pnl=Decimal(1))
        assert statements(lambda: get(client, path)) == with_one


@pytest.mark.django_db
class TestSummary:
    def test_adds_up_by_settlement_asset_and_never_across(self, client, owner):
        set_price("87000")
        set_price("100000", venue="binancecoinm", kind="coin_m", symbol="BTCUSD_PERP")
        linear = make_account(user=owner)
        make_holding(account=linear, realized_pnl=Decimal(3), fees=Decimal("0.5"))
        make_holding(account=make_account(user=owner), quantity=Decimal(0), cost=Decimal(0), realized_pnl=Decimal(-10))
        inverse = make_account(user=owner, venue="binancecoinm")
        make_holding(account=inverse, quantity=Decimal(-10), cost=Decimal("0.0125"))
        data = get(client, "summary")["data"]
        assert (data["open_positions"], data["stale"]) == (2, False)
        assert data["assets"] == [
            {
                "asset": "BTC",
                "open_positions": 1,
                "unpriced": 0,
                "exposure": "0.01",
                "unrealized_pnl": "-0.0025",
                "realized_pnl": "0",
                "fees": "0",
                "stale": False,
            },
            {
                "asset": "USDT",
                "open_positions": 1,
                "unpriced": 0,
                "exposure": "870",
                "unrealized_pnl": "7.676",
                "realized_pnl": "-7",
                "fees": "0.5",
                "stale": False,
            },
        ]
        assert get(client, f"summary?account={inverse.pk}")["data"]["open_positions"] == 1

    def test_says_how_many_have_no_price(self, client, owner):
        make_holding(account=make_account(user=owner))
        data = get(client, "summary")["data"]
        assert (data["stale"], data["assets"][0]["unpriced"], data["assets"][0]["exposure"]) == (True, 1, "0")


class TestClosingQuantity:
    def test_is_all_of_it_on_the_steps(self):
        assert closing_quantity(_market(), Decimal("0.0109")) == Decimal("0.010")

    def test_is_no_more_than_one_market_order_takes(self):
        assert closing_quantity(_market(), Decimal("150.5")) == Decimal(120)

    def test_dust_is_refused_by_name(self):
        with pytest.raises(Exception, match=r"0.0009 is less than the smallest order in BTCUSDT, 0.001"):
            closing_quantity(_market(), Decimal("0.0009"))


def _market() -> Any:
    return Market(**BITCOIN["binanceusdm"])


@pytest.fixture
def trader(client: Client, transactional_db: None) -> TradingAccount:
    """A paper account that holds 0.01 BTC, bought at 86,000; its owner is logged in."""
    user = make_user()
    client.force_login(user)
    set_price("86000")
    account = account_create(user=user, name="Practice", venue="binanceusdm", mode=Mode.PAPER, actor=user)
    trade(account, Side.BUY, "0.01")
    assert Holding.objects.get().quantity == Decimal("0.01")
    return account


@pytest.fixture
def coins(client: Client, transactional_db: None) -> TradingAccount:
    """A paper account on spot that has bought 0.01 BTC, of which the fee was taken; its owner is logged in."""
    user = make_user()
    client.force_login(user)
    set_price("86000", venue="binance", kind="spot")
    account = account_create(user=user, name="Spot", venue="binance", mode=Mode.PAPER, actor=user)
    trade(account, Side.BUY, "0.01")
    return account


def trade(account: TradingAccount, side: Side, quantity: str, **values: Any) -> Order:
    order = order_write(
        **{
            "account": account,
            "market": make_market(venue=account.venue),
            "origin": Origin.MANUAL,
            "side": side,
            "type": OrderType.MARKET,
            "quantity": Decimal(quantity),
            "send_within": timedelta(seconds=30),
            **values,
        }
    )
    orders_place([order.pk])
    return order


def close(client: Client, **headers: str) -> Any:
    return client.post(f"/api/positions/{Holding.objects.get().pk}/close", headers=headers)


class TestClosing:
    def test_sells_all_of_it_by_one_order_that_can_only_reduce(self, client, trader):
        response = close(client)
        data = response.json()["data"]
        assert response.status_code == 200, response.content
        assert (data["side"], data["quantity"], data["state"], data["filled_quantity"]) == (
            "SELL",
            "0.01",
            "FILLED",
            "0.01",
        )
        order = Order.objects.get(pk=data["order_id"])
        assert (order.reduce_only, order.origin, order.account_id) == (True, "manual", trader.pk)
        assert Holding.objects.get().quantity == 0

    def test_sent_again_with_its_key_it_answers_the_first_order(self, client, trader):
        first, second = (close(client, **{"Idempotency-Key": "close-1"}) for _ in range(2))
        assert first.json() == second.json()
        assert Fill.objects.count() == 2

    def test_its_key_cannot_close_something_else(self, client, trader):
        close(client, **{"Idempotency-Key": "close-1"})
        other = make_holding(account=make_account(user=trader.user))
        response = client.post(f"/api/positions/{other.pk}/close", headers={"Idempotency-Key": "close-1"})
        assert (response.status_code, response.json()["error"]["code"]) == (409, "IDEMPOTENCY_CONFLICT")

    def test_what_is_closed_is_not_closed_again(self, client, trader):
        close(client)
        response = close(client)
        assert (response.status_code, Order.objects.count()) == (409, 2)
        assert response.json()["error"]["code"] == "CONFLICT"

    def test_while_one_order_closes_it_no_second_one_is_written(self, client, trader):
        make_order(account=trader, market=make_market(), side="SELL", state="UNKNOWN")
        response = close(client)
        assert response.status_code == 409
        assert "being closed already" in response.json()["error"]["message"]

    def test_ten_at_once_close_it_once(self, client, trader, settings):
        settings.ORDER_RATE_LIMIT_MAX = 100
        pk, statuses = Holding.objects.get().pk, []

        def send() -> None:
            mine = Client()
            mine.force_login(trader.user)
            statuses.append(mine.post(f"/api/positions/{pk}/close").status_code)
            connection.close()

        threads = [threading.Thread(target=send) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] + [409] * 9
        assert Holding.objects.get().quantity == 0
        assert Order.objects.filter(side="SELL").count() == 1

    def test_reduce_only_halts_let_it_through_full_ones_do_not(self, client, trader):
        halt_create(scope=HaltScope.GLOBAL, mode=HaltMode.ALL, reason="Something is wrong", actor=None)
        response = close(client)
        assert (response.status_code, response.json()["error"]["code"]) == (409, "TRADING_HALTED")
        assert Holding.objects.get().quantity == Decimal("0.01")
        TradingHalt.objects.update(mode=HaltMode.REDUCE_ONLY)
        assert close(client).status_code == 200

    def test_an_exit_goes_through_at_a_stale_price(self, client, trader, settings):
        settings.PRICE_STALE_AFTER_SECONDS = 0
        assert close(client).json()["data"]["state"] == "FILLED"

    def test_what_the_venue_refuses_is_told_in_its_words(self, client, trader):
        make_market(trading=False)
        response = close(client)
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (422, "VENUE_REJECTED")
        assert (error["details"]["venue_message"], error["details"]["reason"]) == ("Market is closed.", "MARKET_CLOSED")
        assert Holding.objects.get().quantity == Decimal("0.01")

    def test_a_live_account_that_may_not_trade_sends_nothing(self, client, trader):
        holding = make_holding(account=make_account(user=trader.user, mode="live"))
        response = client.post(f"/api/positions/{holding.pk}/close")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "LIVE_TRADING_OFF")

    def test_in_hedge_mode_the_position_side_says_that_it_only_reduces(self, client, trader):
        Holding.objects.update(side="LONG")
        client.post(f"/api/positions/{Holding.objects.get().pk}/close")
        order = Order.objects.get(side="SELL")
        assert (order.reduce_only, order.position_side) == (False, PositionSide.LONG)

    def test_on_spot_what_is_held_is_sold(self, client, coins):
        held = Holding.objects.get().quantity
        data = close(client).json()["data"]
        assert (data["side"], data["state"]) == ("SELL", "FILLED")
        assert Decimal(data["quantity"]) == held.quantize(Decimal("0.00001"), rounding="ROUND_DOWN")

    def test_coins_that_an_open_order_locks_are_sold_once_it_is_cancelled(self, client, coins):
        price = {"price": Decimal(90_000), "time_in_force": "GTC"}
        resting = trade(coins, Side.SELL, "0.00999", type=OrderType.LIMIT, **price)
        path = f"/api/positions/{Holding.objects.get().pk}/close"

        refused = client.post(path)
        assert client.post(f"{path}?cancel_orders=yes").status_code == 400
        data = client.post(f"{path}?cancel_orders=true").json()["data"]

        assert (refused.status_code, refused.json()["error"]["details"]["orders"]) == (409, [resting.pk])
        assert (data["state"], Decimal(data["quantity"])) == ("FILLED", Decimal("0.00999"))
        assert Order.objects.get(pk=resting.pk).state == "CANCELED"

    def test_it_never_waits_for_the_budget_of_orders(self, client, trader, settings):
        settings.ORDER_RATE_LIMIT_MAX = 1
        assert close(client).status_code == 200
        assert close(client).status_code == 409  # closed already
