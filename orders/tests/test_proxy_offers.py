"""A type or a time in force that a symbol does not take is refused before anything is written or sent."""

import json
import re
from typing import Any

import pytest
from hypothesis import given as properties
from hypothesis import strategies as st

from copytrade.lib.structs import Problems
from markets.models import Market
from markets.services.refresh import markets_refresh
from markets.venues.base import Capabilities
from markets.venues.binance.capabilities import COIN_M, SPOT, USD_M
from markets.venues.paper.capabilities import for_paper
from markets.venues.vocabulary import OrderType, TimeInForce
from orders.models import Mode, Order, TradingAccount
from orders.proxy.parameters import SPOT_TYPES, Family
from orders.proxy.reading import read_parameters
from orders.proxy.rules import RULES, Offer, check_abilities
from orders.tests.proxy_kit import SPOT_LIMIT, USDM_LIMIT

T, X = OrderType, TimeInForce
USUAL = Offer("BTCUSDT", [T.MARKET, T.LIMIT, T.STOP_LIMIT, T.TAKE_PROFIT_LIMIT], [X.GTC, X.IOC, X.FOK, X.GTX])
STOP_LOSS = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.001", "stopPrice": "50000.00"}
CLOSE = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "50000.0", "closePosition": True}
FOR: dict[Family, Capabilities] = {Family.SPOT: SPOT, Family.FUTURES: USD_M}


def check(family: Family, offer: Offer, *, able: Capabilities | None = None, **members: Any) -> dict[str, str]:
    given = read_parameters(json.dumps({"symbol": "BTCUSDT", "side": "SELL", **members}).encode(), family, Problems())
    problems = Problems()
    check_abilities(given, able or FOR[family], offer, paper=able is not None, problems=problems)
    return {problem["path"]: problem["message"] for problem in problems._found}


def spot(offer: Offer, **members: Any) -> dict[str, str]:
    return check(Family.SPOT, offer, **members)


def futures(offer: Offer, **members: Any) -> dict[str, str]:
    return check(Family.FUTURES, offer, **members)


def test_types_that_a_spot_symbol_does_not_list_are_named_with_those_that_it_takes() -> None:
    taken = "LIMIT, MARKET, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT, LIMIT_MAKER"

    for kind in ("STOP_LOSS", "TAKE_PROFIT"):
        assert spot(USUAL, type=kind) == {"type": f"{kind} is not possible in BTCUSDT, which takes {taken}"}
    assert not any(spot(USUAL, type=kind) for kind in taken.split(", "))


def test_the_problem_stands_at_the_callers_own_spelling() -> None:
    assert set(spot(USUAL, order_type="STOP_LOSS")) == {"order_type"}
    assert set(futures(Offer("X", (), [X.GTC]), type="LIMIT", time_in_force="IOC")) == {"time_in_force"}


def test_a_market_whose_venue_does_not_say_is_not_checked() -> None:
    for kind in SPOT_TYPES:
        assert spot(Offer("BTCUSDT"), type=kind) == {}
    assert futures(Offer("BTCUSDT"), type="LIMIT", timeInForce="GTD") == {}
    assert futures(Offer("BTCUSDT", [T.LIMIT]), type="LIMIT", timeInForce="GTD") == {}


def test_post_only_orders_are_a_type_on_spot_and_a_time_on_futures() -> None:
    takers = Offer("BTCUSDT", [T.MARKET, T.LIMIT], [X.GTC, X.IOC])

    assert spot(takers, type="LIMIT_MAKER") == {
        "type": "LIMIT_MAKER is not possible in BTCUSDT, which takes LIMIT, MARKET"
    }
    assert futures(takers, type="LIMIT", timeInForce="GTX") == {
        "timeInForce": "GTX is not possible in BTCUSDT, which takes GTC, IOC"
    }
    assert spot(Offer("BTCUSDT", [T.LIMIT], [X.GTX]), type="LIMIT", timeInForce="GTC") == {
        "type": "LIMIT is not possible in BTCUSDT, which takes LIMIT_MAKER"
    }


def test_what_the_venue_cannot_do_at_all_is_said_once() -> None:
    offer = Offer("BTCUSD_PERP", [T.LIMIT], [X.GTC])

    assert check(Family.FUTURES, offer, able=for_paper(COIN_M), type="TRAILING_STOP_MARKET") == {
        "type": "TRAILING_STOP_MARKET is not possible with a paper account"
    }
    assert check(Family.FUTURES, offer, able=for_paper(COIN_M), type="LIMIT", timeInForce="GTD") == {
        "timeInForce": "GTD is not possible with a paper account"
    }


def test_types_that_the_account_has_not_are_not_proposed() -> None:
    offer = Offer("BTCUSDT", [T.MARKET, T.TRAILING_STOP_MARKET])

    assert check(Family.FUTURES, offer, able=for_paper(USD_M), type="LIMIT")["type"].endswith("which takes MARKET")
    trailing = Offer("BTCUSDT", [T.TRAILING_STOP_MARKET])
    assert check(Family.FUTURES, trailing, able=for_paper(USD_M), type="LIMIT")["type"].endswith("which takes none")


@properties(
    st.sampled_from(Family), st.sets(st.sampled_from(OrderType)), st.sets(st.sampled_from(TimeInForce)), st.data()
)
def test_whatever_is_proposed_instead_is_possible(
    family: Family, types: set[OrderType], times: set[TimeInForce], data: st.DataObject
) -> None:
    offer, kind = Offer("BTCUSDT", types, times), data.draw(st.sampled_from(sorted(RULES[family])))
    time = data.draw(st.sampled_from(["", *RULES[family][kind].times]))
    members: dict[str, Any] = {"type": kind} | ({"timeInForce": time} if time else {})

    found = check(family, offer, **members)

    assert not found or types or times
    for name, message in found.items():
        for word in proposed(message):
            assert name not in check(family, offer, **{**members, name: word})


def proposed(message: str) -> list[str]:
    found = re.search(r"which takes (.*)", message)
    return found[1].split(", ") if found and found[1] != "none" else []


# At the simulated Binance ---------------------------------------------------------


@pytest.fixture
def listed(ada: Any, binance: Any) -> Any:
    """Ada's program, where the markets are as Binance lists them now."""

    def refresh() -> None:
        for venue in ("binance", "binanceusdm", "binancecoinm"):
            markets_refresh(venue=venue)

    refresh()
    ada.refresh = refresh
    return ada


@pytest.mark.django_db
def test_such_an_order_is_refused_before_anything_is_written_or_sent(listed: Any, binance: Any) -> None:
    body = {**STOP_LOSS, "newClientOrderId": "mine"}

    answer = listed.post("spot/order", body)

    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.problems == {
        "type": "STOP_LOSS is not possible in BTCUSDT, "
        "which takes LIMIT, MARKET, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT, LIMIT_MAKER"
    }
    assert not Order.objects.exists()
    assert not any(request.startswith("POST") for request in binance.counts()["requests"])
    better = {**body, "type": "STOP_LOSS_LIMIT", "price": "49000.00", "timeInForce": "GTC"}
    assert listed.post("spot/order", better).status == 201  # the client order id was not used up


@pytest.mark.django_db
def test_what_a_symbol_lists_is_placed(listed: Any, binance: Any) -> None:
    maker = {name: value for name, value in SPOT_LIMIT.items() if name != "timeInForce"} | {"type": "LIMIT_MAKER"}

    assert listed.post("spot/order", maker).status == 201
    assert listed.post("futures/order", USDM_LIMIT).status == 201
    assert listed.post("futures/order", CLOSE).status == 201
    assert listed.post("futures/order", {**CLOSE, "symbol": "BTCUSD_PERP", "market_type": "coin_m"}).status == 201


@pytest.mark.django_db
def test_a_contract_that_loses_a_type_and_a_time_is_checked_by_its_newest_listing(listed: Any, binance: Any) -> None:
    assert listed.post("futures/order", {**USDM_LIMIT, "timeInForce": "GTX"}).status == 201
    binance.symbol("usd_m", "BTCUSDT", like="BTCUSDT", orderTypes=["LIMIT", "MARKET"], timeInForce=["GTC", "IOC"])
    listed.refresh()

    late = listed.post("futures/order", {**USDM_LIMIT, "timeInForce": "GTX"})
    stop = listed.post("futures/order", CLOSE)

    assert late.problems == {"timeInForce": "GTX is not possible in BTCUSDT, which takes GTC, IOC"}
    assert stop.problems == {"type": "STOP_MARKET is not possible in BTCUSDT, which takes LIMIT, MARKET"}
    assert len(binance.placements()) == 1


@pytest.mark.django_db
def test_a_symbol_that_names_no_types_is_left_to_binance(listed: Any, binance: Any) -> None:
    Market.objects.filter(venue="binance").update(order_types=[], times_in_force=[])

    answer = listed.post("spot/order", STOP_LOSS)

    assert (answer.status, answer.error["code"]) == (422, "VENUE_REJECTED")
    assert "not supported for this symbol" in answer.error["details"]["venue_message"]


@pytest.mark.django_db
def test_paper_accounts_are_told_the_same_beforehand(listed: Any, binance: Any) -> None:
    TradingAccount.objects.update(mode=Mode.PAPER)

    answer = listed.post("spot/order", STOP_LOSS)

    assert (answer.status, set(answer.problems)) == (400, {"type"})
