"""Which parameters go together, by market and order type; the tables are Binance's."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import given as properties
from hypothesis import strategies as st

from copytrade.lib.structs import Problems
from copytrade.lib.wire import to_milliseconds
from markets.filters import Filters
from markets.venues.base import OrderRequest
from markets.venues.binance.capabilities import COIN_M
from markets.venues.binance.parameters import placement
from markets.venues.paper.capabilities import for_paper
from markets.venues.vocabulary import MarketKind, OrderType
from orders.proxy.filters import check_filters
from orders.proxy.parameters import FUTURES_TYPES, PARAMETERS, SPOT_TYPES, Family, Form, kind_of
from orders.proxy.reading import Given, read_parameters
from orders.proxy.rules import RULES, Offer, check_abilities, check_clock, check_mode, check_parameters
from orders.proxy.translation import Wish, binance_type, wish_of

SPOT, FUTURES = Family.SPOT, Family.FUTURES
NOW = datetime(2026, 2, 5, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "timeInForce": "GTC",
    "quantity": "0.001",
    "quoteOrderQty": "100",
    "price": "60000",
    "stopPrice": "58000",
    "icebergQty": "0.0005",
    "callbackRate": "1",
    "activationPrice": "61000",
    "closePosition": True,
    "reduceOnly": True,
    "workingType": "MARK_PRICE",
    "priceProtect": True,
    "priceMatch": "QUEUE",
    "goodTillDate": to_milliseconds(NOW + timedelta(days=1)),
}
COMMON = {"symbol": "BTCUSDT", "side": "SELL"}


def check(family: Family, **members: Any) -> tuple[Given, dict[str, str]]:
    problems = Problems()
    given = read_parameters(json.dumps({**COMMON, **members}).encode(), family, problems)
    check_parameters(given, problems)
    return given, said(problems)


def said(problems: Problems) -> dict[str, str]:
    return {problem["path"]: problem["message"] for problem in problems._found}


def minimum(family: Family, kind: str) -> dict[str, Any]:
    rule = RULES[family][kind]
    return {"type": kind, **{name: VALUES[name] for name in (*rule.needs, *rule.either[:1])}}


ALL_TYPES = [*((SPOT, kind) for kind in SPOT_TYPES), *((FUTURES, kind) for kind in FUTURES_TYPES)]
# binance.md §6 and §7: what Binance itself calls mandatory, beside symbol, side and type.
MANDATORY = {
    (SPOT, "LIMIT"): {"timeInForce", "quantity", "price"},
    (SPOT, "MARKET"): {"quantity"},
    (SPOT, "STOP_LOSS"): {"quantity", "stopPrice"},
    (SPOT, "STOP_LOSS_LIMIT"): {"timeInForce", "quantity", "price", "stopPrice"},
    (SPOT, "TAKE_PROFIT"): {"quantity", "stopPrice"},
    (SPOT, "TAKE_PROFIT_LIMIT"): {"timeInForce", "quantity", "price", "stopPrice"},
    (SPOT, "LIMIT_MAKER"): {"quantity", "price"},
    (FUTURES, "LIMIT"): {"timeInForce", "quantity", "price"},
    (FUTURES, "MARKET"): {"quantity"},
    (FUTURES, "STOP"): {"quantity", "price", "stopPrice"},
    (FUTURES, "TAKE_PROFIT"): {"quantity", "price", "stopPrice"},
    (FUTURES, "STOP_MARKET"): {"quantity", "stopPrice"},
    (FUTURES, "TAKE_PROFIT_MARKET"): {"quantity", "stopPrice"},
    (FUTURES, "TRAILING_STOP_MARKET"): {"quantity", "callbackRate"},
}


@pytest.mark.parametrize(("family", "kind"), ALL_TYPES)
def test_each_type_needs_what_binance_needs_and_nothing_else(family, kind):
    body = minimum(family, kind)
    assert set(body) - {"type"} == MANDATORY[family, kind]
    assert check(family, **body)[1] == {}

    for name in MANDATORY[family, kind]:
        without = {key: value for key, value in body.items() if key != name}
        assert f"is missing: {kind} orders need it" in check(family, **without)[1][name]


@pytest.mark.parametrize(("family", "kind"), ALL_TYPES)
def test_what_has_no_place_beside_a_type_is_refused(family, kind):
    known = RULES[family][kind].known
    for name in set(VALUES) & set(PARAMETERS[family]) - known:
        found = check(family, **minimum(family, kind), **{name: VALUES[name]})[1]
        assert f"does not go with {kind} orders" in found[name]


def test_all_problems_are_listed_at_once():
    found = check(SPOT, type="LIMIT", stopPrice="1", quantity="x")[1]

    assert set(found) == {"quantity", "price", "timeInForce", "stopPrice"}


def test_nothing_at_all_misses_three_parameters():
    problems = Problems()
    check_parameters(read_parameters(b"{}", FUTURES, problems), problems)

    assert said(problems) == dict.fromkeys(("symbol", "side", "type"), "is missing")


def test_a_spot_market_order_has_one_amount():
    both = check(SPOT, type="MARKET", quantity="1", quoteOrderQty="100")[1]

    assert both == {"quoteOrderQty": "stands instead of quantity: write one of the two"}
    assert check(SPOT, type="MARKET")[1] == {"quantity": "is missing: MARKET orders need it, or quoteOrderQty"}
    assert check(SPOT, type="MARKET", quoteOrderQty="100")[1] == {}


@pytest.mark.parametrize("kind", ["STOP_MARKET", "TAKE_PROFIT_MARKET"])
def test_closing_a_position_goes_without_quantity_and_reduce_only(kind):
    closing = {"type": kind, "stopPrice": "58000", "closePosition": True}

    assert check(FUTURES, **closing)[1] == {}
    assert check(FUTURES, **closing, reduceOnly=False)[1] == {}
    assert set(check(FUTURES, **closing, quantity="1")[1]) == {"closePosition"}
    assert set(check(FUTURES, **closing, reduceOnly=True)[1]) == {"reduceOnly"}


def test_a_matched_price_stands_instead_of_a_price():
    order = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}

    assert check(FUTURES, **order, priceMatch="OPPONENT_5")[1] == {}
    assert set(check(FUTURES, **order, priceMatch="QUEUE", price="1")[1]) == {"priceMatch"}
    assert set(check(FUTURES, **order, priceMatch="NONE")[1]) == {"price"}


def test_orders_with_an_end_need_it_and_only_they():
    order = {"type": "LIMIT", "quantity": "1", "price": "1"}
    until = VALUES["goodTillDate"]

    assert check(FUTURES, **order, timeInForce="GTD", goodTillDate=until)[1] == {}
    assert check(FUTURES, **order, timeInForce="GTD")[1] == {"goodTillDate": "is missing: GTD orders need it"}
    assert check(FUTURES, **order, timeInForce="GTC", goodTillDate=until)[1] == {
        "goodTillDate": "goes with timeInForce GTD only"
    }


def test_an_end_lies_more_than_ten_minutes_ahead():
    def found(milliseconds: int) -> dict[str, str]:
        given, _ = check(FUTURES, type="LIMIT", timeInForce="GTD", goodTillDate=milliseconds)
        problems = Problems()
        check_clock(given, now=NOW, problems=problems)
        return said(problems)

    edge = to_milliseconds(NOW) + 600_000
    assert found(edge + 1) == {}
    assert "later than 2026-02-05T00:10:00.000Z" in found(edge)["goodTillDate"]
    assert "goodTillDate" in found(1)


@pytest.mark.parametrize(
    ("family", "kind", "time"),
    [
        (SPOT, "LIMIT", "GTX"),
        (SPOT, "LIMIT", "GTD"),
        (FUTURES, "STOP", "GTD"),
        (FUTURES, "STOP_MARKET", "IOC"),
        (FUTURES, "TRAILING_STOP_MARKET", "FOK"),
    ],
)
def test_times_in_force_that_a_type_does_not_know_are_refused(family, kind, time):
    assert "timeInForce" in check(family, **{**minimum(family, kind), "timeInForce": time})[1]


def test_icebergs_wait_and_show_no_more_than_they_have():
    order = {"type": "LIMIT", "price": "1", "quantity": "2"}

    assert check(SPOT, **order, timeInForce="GTC", icebergQty="1")[1] == {}
    assert set(check(SPOT, **order, timeInForce="IOC", icebergQty="1")[1]) == {"icebergQty"}
    assert check(SPOT, **order, timeInForce="GTC", icebergQty="3")[1] == {"icebergQty": "is more than the quantity"}


# The account's position mode ---------------------------------------------------


def mode(hedge_mode: bool, **members: Any) -> dict[str, str]:
    problems = Problems()
    check_mode(check(FUTURES, **members)[0], hedge_mode=hedge_mode, problems=problems)
    return said(problems)


def test_one_way_accounts_have_one_position():
    assert mode(False) == mode(False, positionSide="BOTH") == {}
    assert set(mode(False, positionSide="LONG")) == {"positionSide"}


def test_hedged_accounts_name_the_position_and_never_reduce_only():
    assert mode(True, positionSide="LONG") == {}
    assert set(mode(True)) == set(mode(True, positionSide="BOTH")) == {"positionSide"}
    assert set(mode(True, positionSide="LONG", reduceOnly=True)) == {"reduceOnly"}
    assert mode(True, positionSide="LONG", reduceOnly="false") == {}


def test_hedged_positions_are_closed_from_the_other_side():
    assert mode(True, side="SELL", positionSide="LONG", closePosition=True) == {}
    assert set(mode(True, side="BUY", positionSide="LONG", closePosition=True)) == {"closePosition"}
    assert set(mode(True, side="SELL", positionSide="SHORT", closePosition=True)) == {"closePosition"}


def test_what_a_venue_or_a_paper_account_cannot_do_is_said_beforehand():
    def found(paper: bool, **members: Any) -> set[str]:
        problems = Problems()
        able = for_paper(COIN_M) if paper else COIN_M
        check_abilities(check(FUTURES, **members)[0], able, Offer("BTCUSD_PERP"), paper=paper, problems=problems)
        return set(said(problems))

    assert found(True, type="TRAILING_STOP_MARKET") == {"type"}
    assert found(False, type="TRAILING_STOP_MARKET") == set()
    assert found(False, type="LIMIT", timeInForce="GTD") == {"timeInForce"}
    assert found(True, type="LIMIT", priceMatch="QUEUE") == {"priceMatch"}


# The market's filters ------------------------------------------------------------

FILTERS = Filters(
    price_tick=Decimal("0.10"),
    price_min=Decimal("556.80"),
    quantity_step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1000),
    market_quantity_max=Decimal(120),
    notional_min=Decimal(50),
)


def filtered(kind: str, **members: Any) -> dict[str, str]:
    given, problems = check(FUTURES, type=kind, **members)[0], Problems()
    check_filters(given, MarketKind.USD_M, FILTERS, contract_size=Decimal(1), problems=problems)
    return said(problems)


def test_filters_are_told_by_parameter_and_with_the_numbers():
    found = filtered("LIMIT", quantity="0.0015", price="60000.05", stop_price="1")

    assert found["quantity"] == "The quantity 0.0015 is not on the steps of 0.001."
    assert found["price"] == "The price 60000.05 is not on the steps of 0.1."
    assert found["stop_price"] == "The stop price 1 is below the smallest, 556.8."


def test_the_worth_is_checked_where_the_price_is_known_and_closing_may_be_small():
    assert filtered("LIMIT", quantity="0.001", price="40000") == {
        "quantity": "The notional 40 is below the smallest, 50."
    }
    assert filtered("MARKET", quantity="0.001") == {}
    assert filtered("LIMIT", quantity="0.001", price="40000", reduceOnly=True) == {}
    assert filtered("LIMIT", side="SELL", positionSide="LONG", quantity="0.001", price="40000") == {}


def test_market_orders_have_a_bound_of_their_own():
    assert set(filtered("MARKET", quantity="121")) == {"quantity"}
    assert filtered("LIMIT", quantity="121", price="60000") == {}


def test_further_prices_and_quantities_follow_the_same_steps():
    assert set(filtered("TRAILING_STOP_MARKET", activation_price="60000.05")) == {"activation_price"}


# Translation ----------------------------------------------------------------------


def test_binances_type_comes_back_from_ours():
    for family, kind in ALL_TYPES:
        wish = wish_of(check(family, **minimum(family, kind))[0])
        assert binance_type(wish.kind, wish.type, wish.time_in_force or "") == kind


def test_binances_own_parameters_are_handed_on():
    given, _ = check(
        SPOT, **minimum(SPOT, "LIMIT"), icebergQty=0.0005, strategyId="7", selfTradePreventionMode="EXPIRE_BOTH"
    )

    assert wish_of(given).extra == {
        "icebergQty": "0.0005",
        "strategyId": "7",
        "selfTradePreventionMode": "EXPIRE_BOTH",
    }


def values_of(form: Form, choices: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return {
        Form.CHOICE: st.sampled_from(choices or ("",)),
        Form.FLAG: st.sampled_from([True, False, "true", "false"]),
        Form.AMOUNT: st.decimals("0.1", 10, places=3).map(str),
        Form.WHOLE: st.integers(1_000_000, 50_000_000),
        Form.TEXT: st.sampled_from(["BTCUSDT", "an-id"]),
    }[form]


@st.composite
def bodies(draw: Any) -> tuple[Family, dict[str, Any]]:
    """Bodies that are near the rules: a type with what it needs, some of that left out, and more put in."""
    family = draw(st.sampled_from(Family))
    kind = draw(st.sampled_from(list(RULES[family])))
    rule = RULES[family][kind]
    table = PARAMETERS[family]
    wanted = {"symbol", "side", "type", *rule.needs, *draw(st.sampled_from([rule.either[:1], rule.either[1:], ()]))}
    wanted |= draw(st.sets(st.sampled_from(sorted(set(table) - {"recvWindow", "account"})), max_size=4))
    wanted -= draw(st.sets(st.sampled_from(sorted(wanted)), max_size=1))
    members = {name: draw(values_of(table[name].form, table[name].choices)) for name in sorted(wanted)}
    return family, {**members, **({"type": kind} if "type" in members else {})}


@settings(deadline=None)
@properties(bodies())
def test_what_passes_is_translated_and_has_exactly_what_binance_requires(body):
    family, members = body
    problems = Problems()
    given = read_parameters(json.dumps(members).encode(), family, problems)
    check_parameters(given, problems)
    assume(not len(problems))

    wish = wish_of(given)
    sent = placement(request_of(wish))[1]

    renamed = {"stopPrice": "triggerPrice", "activationPrice": "activatePrice"}
    conditional = wish.kind != MarketKind.SPOT and wish.type not in {OrderType.LIMIT, OrderType.MARKET}
    rule = RULES[family][given.text("type")]
    assert {renamed.get(name, name) if conditional else name for name in rule.needs} <= sent.keys()
    assert sum(name in sent for name in rule.either) == (1 if rule.either else 0)
    unasked = {"newOrderRespType", "newClientOrderId", "clientAlgoId", "algoType"}
    asked = {renamed.get(name, name) if conditional else name for name in given.values}
    assert sent.keys() - unasked <= asked
    ours = {"marketType", "newOrderRespType", "newClientOrderId", "recvWindow", "account"}
    assert asked - ours - sent.keys() <= {"positionSide", "reduceOnly"}
    assert sent["type"] == given.text("type")
    assert wish.kind == kind_of(family, given.text("marketType"))


def request_of(wish: Wish) -> OrderRequest:
    return OrderRequest(
        client_order_id=wish.client_order_id or "made",
        symbol=wish.symbol,
        kind=wish.kind,
        side=wish.side,
        type=wish.type,
        quantity=wish.quantity,
        quote_quantity=wish.quote_quantity,
        price=wish.price,
        stop_price=wish.stop_price,
        time_in_force=wish.time_in_force,
        position_side=wish.position_side,
        reduce_only=wish.reduce_only,
        close_position=wish.close_position,
        working_type=wish.working_type,
        price_protect=wish.price_protect,
        callback_rate=wish.callback_rate,
        activation_price=wish.activation_price,
        extra=wish.extra,
    )
