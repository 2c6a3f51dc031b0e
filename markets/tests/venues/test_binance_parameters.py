"""Our orders in Binance's words."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.venues.base import OrderReference, OrderRequest
from markets.venues.binance.endpoints import Call
from markets.venues.binance.parameters import RESERVED, order_key, placement
from markets.venues.errors import NotSupported
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, WorkingType

SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M
LIMIT = OrderRequest(
    "id1",
    "BTCUSDT",
    SPOT,
    Side.BUY,
    OrderType.LIMIT,
    Decimal("0.010"),
    price=Decimal("1E+4"),
    time_in_force=TimeInForce.GTC,
)
STOP = OrderRequest(
    "id2", "BTCUSDT", USD_M, Side.SELL, OrderType.STOP_MARKET, Decimal(1), stop_price=Decimal("70000.50")
)
DIGITS = re.compile(r"[0-9]+(\.[0-9]+)?\Z")


def test_a_limit_order_on_spot() -> None:
    assert placement(LIMIT) == (
        Call.PLACE,
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "newClientOrderId": "id1",
            "newOrderRespType": "FULL",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": "10000",
        },
    )


def test_post_only_is_a_type_of_its_own_on_spot() -> None:
    _, params = placement(replace(LIMIT, time_in_force=TimeInForce.GTX))

    assert params["type"] == "LIMIT_MAKER"
    assert "timeInForce" not in params


def test_post_only_is_a_time_in_force_on_futures() -> None:
    _, params = placement(replace(LIMIT, kind=USD_M, time_in_force=TimeInForce.GTX))

    assert (params["type"], params["timeInForce"], params["newOrderRespType"]) == ("LIMIT", "GTX", "RESULT")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (OrderType.STOP_MARKET, "STOP_LOSS"),
        (OrderType.STOP_LIMIT, "STOP_LOSS_LIMIT"),
        (OrderType.TAKE_PROFIT_MARKET, "TAKE_PROFIT"),
        (OrderType.TAKE_PROFIT_LIMIT, "TAKE_PROFIT_LIMIT"),
    ],
)
def test_conditional_orders_on_spot_go_where_all_orders_go(ours: OrderType, theirs: str) -> None:
    call, params = placement(replace(LIMIT, type=ours, stop_price=Decimal(9000)))

    assert (call, params["type"], params["stopPrice"]) == (Call.PLACE, theirs, "9000")


@pytest.mark.parametrize("kind", [USD_M, COIN_M])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (OrderType.STOP_MARKET, "STOP_MARKET"),
        (OrderType.STOP_LIMIT, "STOP"),
        (OrderType.TAKE_PROFIT_MARKET, "TAKE_PROFIT_MARKET"),
        (OrderType.TAKE_PROFIT_LIMIT, "TAKE_PROFIT"),
    ],
)
def test_conditional_orders_on_futures_have_an_endpoint_and_names_of_their_own(
    kind: MarketKind, ours: OrderType, theirs: str
) -> None:
    call, params = placement(replace(STOP, kind=kind, type=ours))

    assert call is Call.PLACE_CONDITIONAL
    assert (params["type"], params["triggerPrice"], params["algoType"]) == (theirs, "70000.5", "CONDITIONAL")
    assert params["clientAlgoId"] == "id2"
    assert not {"stopPrice", "newClientOrderId", "newOrderRespType"} & params.keys()


def test_a_trailing_stop_has_a_rate_and_a_price_from_which_it_follows() -> None:
    request = replace(
        STOP,
        type=OrderType.TRAILING_STOP_MARKET,
        stop_price=None,
        callback_rate=Decimal("0.50"),
        activation_price=Decimal(80000),
    )
    _, params = placement(request)

    assert (params["callbackRate"], params["activatePrice"]) == ("0.5", "80000")
    assert "triggerPrice" not in params


def test_closing_a_whole_position_says_neither_how_much_nor_that_it_reduces() -> None:
    request = replace(
        STOP, close_position=True, reduce_only=True, price_protect=True, working_type=WorkingType.MARK_PRICE
    )
    _, params = placement(request)

    assert (params["closePosition"], params["priceProtect"], params["workingType"]) == ("true", "true", "MARK_PRICE")
    assert not {"quantity", "reduceOnly"} & params.keys()


def test_reduce_only_is_said_in_one_way_mode_and_left_out_in_hedge_mode() -> None:
    request = replace(LIMIT, kind=USD_M, reduce_only=True)
    _, one_way = placement(request)
    _, hedge = placement(replace(request, position_side=PositionSide.LONG))

    assert one_way["reduceOnly"] == "true"
    assert "positionSide" not in one_way
    assert hedge["positionSide"] == "LONG"
    assert "reduceOnly" not in hedge


def test_what_the_caller_adds_in_the_words_of_the_venue_goes_with_it() -> None:
    _, params = placement(replace(LIMIT, extra={"newOrderRespType": "ACK", "icebergQty": "0.001"}))

    assert (params["newOrderRespType"], params["icebergQty"]) == ("ACK", "0.001")


def test_nobody_adds_another_identity_or_signature() -> None:
    _, params = placement(replace(LIMIT, extra=dict.fromkeys(RESERVED, "forged")))

    assert "forged" not in params.values()
    assert params["newClientOrderId"] == "id1"


@pytest.mark.parametrize(
    "request_",
    [
        replace(LIMIT, type=OrderType.TRAILING_STOP_MARKET),
        replace(LIMIT, reduce_only=True),
        replace(LIMIT, close_position=True),
    ],
)
def test_orders_that_spot_does_not_have_are_not_sent_as_something_else(request_: OrderRequest) -> None:
    with pytest.raises(NotSupported):
        placement(request_)


def test_an_order_is_named_with_its_symbol_and_by_the_venue_s_id_where_that_is_known() -> None:
    unnumbered, numbered = (OrderReference("BTCUSDT", SPOT, OrderType.LIMIT, "id1", number) for number in ("", "7"))

    assert order_key(unnumbered) == {"symbol": "BTCUSDT", "origClientOrderId": "id1"}
    assert order_key(numbered) == {"symbol": "BTCUSDT", "orderId": "7"}


@given(
    st.decimals(min_value="0.00000001", max_value="1e12", allow_nan=False, allow_infinity=False),
    st.sampled_from((SPOT, USD_M, COIN_M)),
    st.sampled_from(sorted(set(OrderType) - {OrderType.TRAILING_STOP_MARKET})),
)
def test_numbers_are_plain_digits_that_lose_nothing(value: Decimal, kind: MarketKind, order_type: OrderType) -> None:
    request = replace(LIMIT, kind=kind, type=order_type, quantity=value, price=value, stop_price=value)
    _, params = placement(request)

    for name in ("quantity", "price", "stopPrice", "triggerPrice"):
        if name in params:
            assert DIGITS.match(params[name])
            assert Decimal(params[name]) == value
