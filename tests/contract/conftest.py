"""Each test of the suite runs at every bench."""

from collections.abc import Iterator
from typing import Any

import pytest

from markets.venues.base import Capabilities
from markets.venues.vocabulary import OrderType, TimeInForce
from tests.contract.bench import Bench, Desk, Fault, all_benches

BENCHES = all_benches()
# Why a venue has no such thing: none of these can be brought about at it.
REASONS: dict[Any, str] = {
    OrderType.STOP_LIMIT: "orders here trade or rest: none waits for a price first",
    TimeInForce.GTX: "orders here may always take",
    "hedge_mode": "an account here has one position in a contract, or none",
    "reduce_only": "coins are not positions: there is nothing to reduce",
    "close_position": "no order here closes a position whatever its size",
    "quote_quantity": "orders here are for a quantity, not for an amount of the quote",
    "private_stream": "orders here are asked for, not told",
    "price_stream": "prices here are asked for, not told",
    "candles": "this venue has no candles",
    "open_interest": "the open interest here is not told, or told too differently",
    Fault.OVERLOADED: "this venue has no word for being overloaded: orders wait for it, until their deadline",
    Fault.RATE_LIMIT: "this venue asks nobody else for a pause",
    Fault.BAN: "this venue bans nobody",
    Fault.ACCOUNT_LIMIT: "this venue does not count what an account sends",
}


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of the suite."""
    config.addinivalue_line("markers", "capable(*names): only where the venue has these capabilities")
    config.addinivalue_line("markers", "can_fail(*faults): only where the bench can bring about these faults")


@pytest.fixture(params=[pytest.param(name, marks=getattr(BENCHES[name], "marks", ())) for name in sorted(BENCHES)])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A venue under test; skips what it cannot do, or the bench cannot bring about, best before anything is made."""
    maker = BENCHES[request.param]
    _skip_unable(request, getattr(maker, "capabilities", None), getattr(maker, "faults", None))
    with maker(request) as made:
        _skip_unable(request, made.adapter.capabilities, made.faults)
        yield made


@pytest.fixture
def desk(bench: Bench) -> Desk:
    """A trader with a rich account."""
    return Desk(bench, bench.account())


def _skip_unable(
    request: pytest.FixtureRequest, capabilities: Capabilities | None, faults: frozenset[Fault] | None
) -> None:
    lacking: list[Any] = []
    if capabilities is not None:
        wanted = [name for marker in request.node.iter_markers("capable") for name in marker.args]
        lacking += [name for name in wanted if not _has(capabilities, name)]
    if faults is not None:
        feared = [fault for marker in request.node.iter_markers("can_fail") for fault in marker.args]
        lacking += [fault for fault in feared if fault not in faults]
    if lacking:
        pytest.skip(REASONS.get(lacking[0], f"this venue has no such thing: {lacking[0]}"))


def _has(capabilities: Capabilities, name: Any) -> bool:
    """Whether a venue has a type of orders, a time in force, or what one of its switches says."""
    if isinstance(name, OrderType):
        return name in capabilities.order_types
    if isinstance(name, TimeInForce):
        return name in capabilities.times_in_force
    return bool(getattr(capabilities, name))
