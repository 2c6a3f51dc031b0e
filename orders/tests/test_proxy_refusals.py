"""Orders that are not placed: by the rules here, by the account, by a halt, by Binance; each says why."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from markets.models import Market
from markets.prices import prices_write
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind
from orders.models import AccountState, Order, RecentOrder, TradingAccount, TradingHalt
from orders.tests.proxy_kit import KEY, SPOT_LIMIT, USDM_LIMIT, Caller, at, live_account
from tests.factories import make_market, make_order, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]


def nothing_was_placed(binance: Any) -> bool:
    return not binance.placements()


# Before Binance is called --------------------------------------------------------


def test_everything_that_is_wrong_is_listed_at_once_and_nothing_is_written(ada, binance):
    body = {**SPOT_LIMIT, "price": "50000.001", "quantity": "0.000015", "reduceOnly": True}
    del body["timeInForce"]

    answer = ada.post("spot/order", body)

    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.problems == {
        "reduceOnly": "is for futures orders only",
        "timeInForce": "is missing: LIMIT orders need it",
        "price": "The price 50000.001 is not on the steps of 0.01.",
        "quantity": "The notional 0.750000015 is below the smallest, 5.",
    }
    assert "The quantity 0.000015 is not on the steps of 0.00001." in [
        problem["message"] for problem in answer.error["details"]["errors"]
    ]
    assert not Order.objects.exists()
    assert nothing_was_placed(binance)


@pytest.mark.parametrize("body", ["", "nonsense", "{"])
def test_a_body_that_is_no_json_is_said_to_be_none(ada, body):
    answer = ada.post("spot/order", body)

    assert (answer.status, answer.error["code"]) == (400, "MALFORMED_JSON")


def test_an_unknown_symbol_is_404_and_one_that_does_not_trade_is_400(ada):
    make_market(venue="binance", symbol="OLDUSDT", status="BREAK", trading=False)

    assert ada.post("spot/order", {**SPOT_LIMIT, "symbol": "NOPEUSDT"}).status == 404
    halted = ada.post("spot/order", {**SPOT_LIMIT, "symbol": "OLDUSDT"})
    assert halted.problems == {"symbol": "OLDUSDT does not trade now: Binance says BREAK"}


def test_a_symbol_of_another_market_is_not_found(ada):
    assert ada.post("futures/order", {**USDM_LIMIT, "symbol": "BTCUSD_PERP"}).status == 404


def test_an_order_whose_end_is_too_near_is_refused(ada):
    answer = ada.post("futures/order", {**USDM_LIMIT, "timeInForce": "GTD", "goodTillDate": 1_500_000_000_000})

    assert set(answer.problems) == {"goodTillDate"}


# Accounts ------------------------------------------------------------------------


def test_without_an_account_the_answer_tells_how_to_open_one(ada):
    stranger = Caller(make_user())

    answer = stranger.post("spot/order", SPOT_LIMIT)

    assert answer.status == 400
    assert "POST /api/accounts/" in answer.problems["account"]
    assert '"binance"' in answer.problems["account"]


def test_with_several_accounts_the_answer_names_them_and_one_can_be_chosen(ada, binance):
    first, second = at(ada.user, "binance"), live_account(ada.user, name="Second")

    answer = ada.post("spot/order", SPOT_LIMIT)
    assert answer.problems["account"] == (
        f"is needed: write the id of one of your accounts: {first.pk} ({first.name}, live), {second.pk} (Second, live)"
    )
    for spelling, value in (("account", second.pk), ("account_id", str(second.pk))):
        assert ada.post("spot/order", {**SPOT_LIMIT, spelling: value}).data["account"] == second.pk


def test_an_account_that_does_not_trade_is_not_counted(ada):
    live_account(ada.user, state=AccountState.PAUSED)

    assert ada.post("spot/order", SPOT_LIMIT).status == 201


def test_anothers_account_does_not_exist(ada, binance):
    stranger = live_account(make_user())

    answer = ada.post("spot/order", {**SPOT_LIMIT, "account": stranger.pk})

    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert nothing_was_placed(binance)


def test_an_account_at_another_venue_is_refused(ada):
    futures = at(ada.user, "binanceusdm")

    answer = ada.post("spot/order", {**SPOT_LIMIT, "account": futures.pk})

    assert answer.problems == {"account": f"account {futures.pk} is at Binance USD-M futures, not at Binance spot"}


@pytest.mark.parametrize(
    ("state", "code"), [(AccountState.PAUSED, "TRADING_HALTED"), (AccountState.AUTH_FAILED, "VENUE_AUTH_FAILED")]
)
def test_an_account_that_is_named_and_does_not_trade_says_why(ada, state, code):
    account = at(ada.user, "binance")
    account.state = state
    account.save()

    answer = ada.post("spot/order", {**SPOT_LIMIT, "account": account.pk})

    assert (answer.status, answer.error["code"]) == (409, code)


@pytest.mark.parametrize("switch", ["installation", "account"])
def test_a_live_account_trades_only_where_both_switches_are_on(ada, binance, settings, switch):
    if switch == "installation":
        settings.LIVE_TRADING = False
    else:
        ada.user.trading_accounts.update(live_enabled=False)

    answer = ada.post("spot/order", SPOT_LIMIT)

    assert (answer.status, answer.error["code"]) == (409, "LIVE_TRADING_OFF")
    assert nothing_was_placed(binance)


def test_a_halt_stops_entries_and_lets_exits_pass(ada, binance):
    TradingHalt.objects.create(scope="global", reason="the market is mad")

    answer = ada.post("futures/order", USDM_LIMIT)
    way_out = ada.post(
        "futures/order",
        {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "50000.0", "closePosition": True},
    )

    assert (answer.status, answer.error["code"]) == (409, "TRADING_HALTED")
    assert answer.error["details"]["id"] == Order.objects.get(state="FAILED").pk
    assert "the market is mad" in answer.error["message"]
    assert way_out.status == 201
    assert len(binance.placements()) == 1


# Who asks ------------------------------------------------------------------------


def test_without_a_login_nothing_is_told(client, db):
    response = client.post("/api/binance/spot/order", data=json.dumps(SPOT_LIMIT), content_type="application/json")

    assert (response.status_code, response.json()["error"]["code"]) == (401, "NOT_AUTHENTICATED")


def test_a_key_that_may_only_read_reads_and_places_nothing(ada, binance):
    reader = Caller(ada.user, "read")

    assert reader.get("spot/orders").status == 200
    assert reader.post("spot/order", SPOT_LIMIT).error["code"] == "PERMISSION_DENIED"
    assert reader.delete("spot/order", symbol="BTCUSDT", orderId="1").error["code"] == "PERMISSION_DENIED"
    assert nothing_was_placed(binance)


def test_orders_have_a_budget_and_cancelling_does_not_wait_for_it(ada, settings):
    settings.ORDER_RATE_LIMIT_MAX = 2
    order = make_order(account=at(ada.user, "binance"), market=Market.objects.get(venue="binance"), state="FILLED")
    answers = [ada.post("spot/order", SPOT_LIMIT) for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 429]
    assert answers[2].headers["Retry-After"]
    cancelled = ada.delete("spot/order", symbol="BTCUSDT", origClientOrderId=order.client_order_id)
    assert cancelled.status == 200


# Binance says no --------------------------------------------------------------------


def test_binances_refusal_is_handed_on_with_its_code_and_words(ada, binance):
    binance.change_account(KEY, balances={"spot": {"USDT": "1"}})

    answer = ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "poor"})

    assert (answer.status, answer.error["code"]) == (422, "VENUE_REJECTED")
    assert answer.error["details"] == {
        "venue": "binance",
        "venue_code": "-2010",
        "venue_message": "Account has insufficient balance for requested action.",
        "reason": "INSUFFICIENT_BALANCE",
        "id": Order.objects.get().pk,
        "client_order_id": "poor",
        "state": "REJECTED",
    }


def test_a_refused_order_stands_in_the_list_with_its_reason(ada, binance):
    binance.change_account(KEY, balances={"spot": {"USDT": "1"}})
    ada.post("spot/order", SPOT_LIMIT)

    (order,) = ada.get("spot/orders").data
    assert (order["status"], order["reason"]) == ("REJECTED", "Account has insufficient balance for requested action.")
    assert order["binance_response"] == {
        "code": "-2010",
        "msg": "Account has insufficient balance for requested action.",
    }


def test_a_filter_that_only_binance_knows_is_its_refusal(ada):
    answer = ada.post("spot/order", {**SPOT_LIMIT, "price": "1.00", "quantity": "8"})

    assert (answer.status, answer.error["code"]) == (422, "VENUE_REJECTED")
    assert "PERCENT_PRICE" in answer.error["details"]["venue_message"]


def test_the_wrong_position_mode_is_told_in_binances_words(ada, binance):
    """The account was switched at Binance, and nobody has told us yet."""
    binance.change_account(KEY, hedge=True)

    answer = ada.post("futures/order", USDM_LIMIT)

    assert (answer.status, answer.error["details"]["venue_code"]) == (422, "-4061")
    assert answer.error["details"]["reason"] == "POSITION_SIDE_MISMATCH"


def test_a_reduce_only_order_that_would_reduce_nothing_is_refused(ada):
    answer = ada.post("futures/order", {**USDM_LIMIT, "side": "SELL", "price": "99000.0", "reduceOnly": True})

    assert (answer.status, answer.error["details"]["venue_code"]) == (422, "-2022"), answer.body


def test_a_key_that_binance_refuses_stops_the_account(ada, binance):
    binance.change_account(KEY, enabled=False)

    answer = ada.post("spot/order", SPOT_LIMIT)

    assert (answer.status, answer.error["code"]) == (409, "VENUE_AUTH_FAILED")
    assert answer.error["details"]["venue_code"] == "-2015"
    assert at(ada.user, "binance").state == AccountState.AUTH_FAILED


def test_a_venue_that_takes_no_more_requests_says_how_long_and_nobody_goes_on_asking(ada, binance):
    binance.fault("rate_limit", method="POST", path="/api/v3/order", seconds=720)

    first, second = ada.post("spot/order", SPOT_LIMIT), ada.post("spot/order", SPOT_LIMIT)

    for answer in (first, second):
        assert (answer.status, answer.error["code"]) == (429, "VENUE_RATE_LIMITED")
        assert 700 < int(answer.headers["Retry-After"]) <= 721  # orders refused together are told to come back apart
    assert binance.counts()["requests"]["POST /api/v3/order"] == 1
    assert nothing_was_placed(binance)


@pytest.mark.parametrize("fault", ["unavailable_503", "throttled_503"])
def test_a_venue_that_did_not_take_the_order_is_503_and_it_is_not_sent_again(ada, binance, fault):
    binance.fault(fault, method="POST", path="/fapi/v1/order", count=None)

    answer = ada.post("futures/order", USDM_LIMIT)

    assert (answer.status, answer.error["code"]) == (503, "VENUE_UNAVAILABLE")
    assert answer.error["details"]["id"] == Order.objects.get(state="FAILED").pk
    assert binance.counts()["requests"]["POST /fapi/v1/order"] == 1


def test_a_venue_that_is_not_there_is_503(ada, binance, settings):
    from markets.venues import registry

    settings.BINANCE_SPOT_URL = "http://127.0.0.1:9"
    registry.adapters_close()

    answer = ada.post("spot/order", SPOT_LIMIT)

    assert (answer.status, answer.error["code"]) == (503, "VENUE_UNAVAILABLE")
    assert RecentOrder.objects.get().finished_at is not None


def test_the_least_worth_of_a_market_order_is_known_before_binance_is_called(ada, binance):
    market = Market.objects.get(venue="binance", symbol="BTCUSDT")
    prices_write("binance", [PriceReport("BTCUSDT", MarketKind.SPOT, timezone.now(), last=Decimal(77_000))])

    answer = ada.post("spot/order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.00001"})

    assert answer.status == 400
    assert "below the smallest" in answer.problems["quantity"]
    assert market.notional_min is not None
    assert nothing_was_placed(binance)


def test_a_price_beyond_the_band_around_the_mark_is_known_before_binance_is_called(ada, binance):
    mark = Decimal(77_000)
    prices_write("binanceusdm", [PriceReport("BTCUSDT", MarketKind.USD_M, timezone.now(), last=mark, mark=mark)])

    answer = ada.post("futures/order", {**USDM_LIMIT, "price": "150000"})

    assert (answer.status, list(answer.problems)) == (400, ["price"])
    assert nothing_was_placed(binance)


def test_a_paused_account_is_named_instead_of_asking_for_another_one(ada):
    TradingAccount.objects.update(state=AccountState.PAUSED)

    answer = ada.post("spot/order", SPOT_LIMIT)

    assert answer.status == 400
    assert "resume it" in answer.problems["account"]
