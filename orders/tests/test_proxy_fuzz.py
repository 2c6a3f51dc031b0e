"""Whatever is sent to the proxy: no failure of ours, no answer missing in the schema, nothing that Binance misreads."""

import itertools
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from markets.venues.errors import RejectReason
from orders.models import Order
from orders.proxy.parameters import PARAMETERS, SPOT_TYPES, Family, Form, kind_of
from orders.proxy.rules import RULES
from orders.tests.proxy_kit import Caller
from tests.factories import make_market
from tests.simulators.binance import BinanceSimulator
from tests.test_schema import CHECKS, openapi  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]
QUIET = list(HealthCheck)
SYMBOLS = {"spot": "ALLUSDT", "usd_m": "BTCUSDT", "coin_m": "BTCUSD_PERP"}
PRICES = {"price": ["50000", "77000.0", "99000.0"], "stopPrice": ["50000.0", "99000.0"], "activationPrice": ["99000"]}


@st.composite
def orders(draw: Any) -> tuple[Family, dict[str, Any]]:
    """Orders that are near the rules: a type with what it needs, and now and then something more, or less."""
    family = draw(st.sampled_from(Family))
    kind = draw(st.sampled_from(sorted(RULES[family])))
    rule, table = RULES[family][kind], PARAMETERS[family]
    wanted = {*rule.needs, *draw(st.sampled_from([rule.either[:1], rule.either[1:]]))}
    wanted |= draw(st.sets(st.sampled_from(sorted({*rule.may, "newClientOrderId"})), max_size=2))
    wanted |= draw(st.sets(st.sampled_from(sorted(set(table) - {"account", "symbol"})), max_size=1))
    wanted -= draw(st.sets(st.sampled_from(sorted(wanted)), max_size=1)) if draw(st.integers(0, 4)) == 0 else set()
    members = {name: draw(values_of(name, family)) for name in sorted(wanted)}
    market_type = kind_of(family, members.get("marketType")).value
    amount = 3 if market_type == "coin_m" else "0.002"
    amounts = {name: amount for name in ("quantity", "icebergQty") if name in members}
    return family, {**members, **amounts, "type": kind, "side": draw(st.sampled_from(["BUY", "SELL"])),
                    "symbol": SYMBOLS[market_type]}  # fmt: skip


def values_of(name: str, family: Family) -> "st.SearchStrategy[Any]":
    parameter = PARAMETERS[family][name]
    if name in PRICES:
        return st.sampled_from(PRICES[name])
    return {
        Form.CHOICE: st.sampled_from(parameter.choices or ("",)),
        Form.FLAG: st.sampled_from([True, False, "true"]),
        Form.AMOUNT: st.sampled_from(["1", "100"] if name == "quoteOrderQty" else ["1", "2.5"]),
        Form.WHOLE: st.sampled_from([5000, 4_000_000_000_000]),
        Form.TEXT: st.just("an-id"),
    }[parameter.form]


def test_what_passes_the_rules_is_never_misread_by_binance(ada: Caller, binance: BinanceSimulator) -> None:
    met, numbers = set(), itertools.count()
    binance.symbol("spot", "ALLUSDT", like="BTCUSDT", orderTypes=list(SPOT_TYPES), baseAsset="BTC", quoteAsset="USDT")
    binance.price("spot", "ALLUSDT", "77000")
    make_market(venue="binance", symbol="ALLUSDT")

    @settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
    @given(orders())
    def answers(case: tuple[Family, dict[str, Any]]) -> None:
        family, body = case
        before = len(binance.placements())
        if "newClientOrderId" in body:
            body["newClientOrderId"] = f"n-{next(numbers)}"

        answer = ada.post(f"{family}/order", body)

        met.add(answer.status)
        if answer.status == 400:
            assert len(binance.placements()) == before
        elif answer.status == 422:
            assume("priceMatch" not in body)  # the simulator's markets have no depth, so it does not know it
            assert answer.error["details"]["reason"] not in {RejectReason.BAD_PARAMETERS, RejectReason.LOT_SIZE}, (
                body,
                answer.body,
            )
        else:
            assert answer.status == 201, (body, answer.body)
            row = Order.objects.get(pk=answer.data["id"])
            assert (answer.data["order_type"], row.market.symbol) == (body["type"], body["symbol"])

    answers()
    assert {201, 400} <= met


def test_every_operation_of_the_proxy_answers_as_the_schema_says(ada: Caller, openapi: Any) -> None:  # noqa: F811
    for found in openapi.get_all_operations():
        operation = found.ok()
        if not operation.path.startswith("/api/binance/") or "/order" not in operation.path:
            continue

        @settings(max_examples=12, deadline=None, suppress_health_check=QUIET)
        @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]))
        def answers(case: Any) -> None:
            case.call_and_validate(headers=ada.headers, checks=CHECKS)

        answers()
