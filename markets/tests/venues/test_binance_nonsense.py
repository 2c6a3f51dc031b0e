"""Whatever the venue answers: one of the house's errors comes of it, and never a wrong fact."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import json

from markets.tests.venues.exchange import House
from markets.venues.errors import OutcomeUnknown, VenueError
from markets.venues.http import Answer
from markets.venues.vocabulary import OrderType
from tests.contract.bench import run

NONSENSE = [
    b"", b"null", b"[]", b"{}", b"1", b'"text"', b"[null]", b"[[]]", b"[{}]", b"true", b'{"code":200}', b'{"code":"x"}',
    b'{"orderId":1}', b'{"serverTime":"soon"}', b'{"status":"NEW"}', b"[1,2]", b"<html></html>", b"\xff\xfe",
]  # fmt: skip
SINCE = datetime.now(UTC) - timedelta(hours=1)
Work = Callable[[House], Coroutine[Any, Any, Any]]


def stop(house: House) -> Any:
    return house.order(type=OrderType.STOP_MARKET, price=None, time_in_force=None)


QUESTIONS: dict[str, Work] = {
    "query": lambda house: house.adapter.query(house.access, house.reference(house.order())),
    "query_conditional": lambda house: house.adapter.query(house.access, house.reference(stop(house))),
    "open_orders": lambda house: house.adapter.open_orders(house.access),
    "fills": lambda house: house.adapter.fills(house.access, house.symbol, house.kind, since=SINCE),
    "account": lambda house: house.adapter.account(house.access),
    "permissions": lambda house: house.adapter.permissions(house.access),
    "markets": lambda house: house.adapter.markets(),
    "candles": lambda house: house.adapter.candles(house.symbol, house.kind, "1m", start=None, limit=5),
    "prices": lambda house: house.adapter.prices(house.kind, [house.symbol, "ETHUSDT"]),
    "mark_price": lambda house: house.adapter.mark_price(house.symbol, house.kind),
    "open_interest": lambda house: house.adapter.open_interest(house.symbol, house.kind),
    "history": lambda house: house.adapter.open_interest_history(house.symbol, house.kind, "5m", limit=5),
    "clock": lambda house: house.adapter.gateway.compare_clocks(since=10**9),
}
ORDERS: dict[str, Work] = {
    "place": lambda house: house.adapter.place(house.access, house.order()),
    "place_conditional": lambda house: house.adapter.place(house.access, stop(house)),
    "cancel": lambda house: house.adapter.cancel(house.access, house.reference(house.order())),
}


def answer_with(house: House, body: bytes, status: int = 200) -> None:
    """Let the venue answer this to everything."""

    async def send(*args: Any, **kwargs: Any) -> Answer:
        return Answer(status, {}, body)

    run(house.adapter.gateway.compare_clocks())
    house.adapter.gateway.transport.send = send  # type: ignore[method-assign]


@pytest.mark.parametrize("slug", ["spot", "usd_m", "coin_m"])
@pytest.mark.parametrize("body", NONSENSE)
def test_a_question_ends_in_an_answer_or_an_error_of_the_house(
    slug: str, body: bytes, request: pytest.FixtureRequest
) -> None:
    house: House = request.getfixturevalue(slug)
    answer_with(house, body)
    for name, ask in QUESTIONS.items():
        with suppress(VenueError):
            answer = run(ask(house))
            assert answer is not None or name == "clock", name


@pytest.mark.parametrize("slug", ["spot", "usd_m", "coin_m"])
@pytest.mark.parametrize("body", NONSENSE)
def test_what_was_ordered_is_unknown(slug: str, body: bytes, request: pytest.FixtureRequest) -> None:
    house: House = request.getfixturevalue(slug)
    answer_with(house, body)
    for order in ORDERS.values():
        with pytest.raises(OutcomeUnknown):
            run(order(house))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5000, 5000) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["code", "msg", "status", "orderId", "symbol", "executedQty", "algoStatus", "actualOrderId"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=JSON, status=st.sampled_from([200, 400, 403, 404, 408, 418, 429, 500, 503]))
def test_any_answer_to_an_order_is_an_error_of_the_house(usd_m: House, body: Any, status: int) -> None:
    answer_with(usd_m, json.encode(body), status)
    # Each example is an exchange that has never been asked before.
    usd_m.adapter.gateway._budget._ledgers.clear()
    usd_m.adapter.gateway._budget._alone_until = float("inf")

    with pytest.raises(VenueError):
        run(usd_m.adapter.place(usd_m.access, usd_m.order()))
