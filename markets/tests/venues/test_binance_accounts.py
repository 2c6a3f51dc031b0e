"""Settings, modes and permissions of accounts at Binance."""

from decimal import Decimal

import pytest

from markets.tests.venues.exchange import House, house
from markets.venues.base import AccountAccess, Credentials
from markets.venues.errors import AuthFailed, NotSupported, Rejected, RejectReason
from markets.venues.vocabulary import OrderType, PositionSide
from tests.contract.bench import run

MODE = "GET /fapi/v1/positionSide/dual"


def account(opened: House) -> bool:
    return run(opened.adapter.account(opened.access)).hedge_mode


def test_the_leverage_is_set_and_told_of_positions(usd_m: House) -> None:
    run(usd_m.adapter.set_leverage(usd_m.access, usd_m.symbol, usd_m.kind, 7))
    usd_m.place(usd_m.order(type=OrderType.MARKET, price=None, time_in_force=None))
    (held,) = run(usd_m.adapter.account(usd_m.access)).positions

    assert held.leverage == Decimal(7)


def test_a_leverage_that_binance_does_not_give_is_refused(usd_m: House) -> None:
    with pytest.raises(Rejected):
        run(usd_m.adapter.set_leverage(usd_m.access, usd_m.symbol, usd_m.kind, 1000))


def test_spot_has_no_leverage(spot: House) -> None:
    with pytest.raises(NotSupported):
        run(spot.adapter.set_leverage(spot.access, spot.symbol, spot.kind, 2))


def test_the_mode_is_asked_for_once(usd_m: House) -> None:
    assert [account(usd_m) for _ in range(3)] == [False] * 3
    assert usd_m.seen(MODE) == 1


def test_the_mode_is_asked_for_again_after_an_order_was_refused_for_it(usd_m: House) -> None:
    account(usd_m)
    assert usd_m.access.credentials
    usd_m.exchange.change_account(usd_m.access.credentials.key, hedge=True)
    with pytest.raises(Rejected) as refused:
        usd_m.place(usd_m.order())

    assert refused.value.reason == RejectReason.POSITION_SIDE_MISMATCH
    assert account(usd_m)
    usd_m.place(usd_m.order(position_side=PositionSide.LONG))


@pytest.mark.parametrize(
    ("granted", "slug", "told"),
    [
        (("reading", "spot", "withdrawals"), "binance", (True, True, True)),
        (("reading", "spot"), "binanceusdm", (True, False, False)),
        (("reading", "futures"), "binancecoinm", (True, True, False)),
        (("reading",), "binance", (True, False, False)),
    ],
)
def test_what_a_key_may_do(granted: tuple[str, ...], slug: str, told: tuple[bool, bool, bool]) -> None:
    with house(slug, permissions=granted) as opened:
        permissions = run(opened.adapter.permissions(opened.access))

    assert (permissions.read, permissions.trade, permissions.withdraw) == told


@pytest.mark.parametrize("slug", ["binance", "binanceusdm", "binancecoinm"])
def test_whose_a_key_is_is_told_by_the_spot_market_for_all_three(slug: str) -> None:
    with house(slug) as opened:
        told = run(opened.adapter.permissions(opened.access)).venue_account
        assert opened.access.credentials
        (account,) = [row for row in opened.exchange.accounts() if row["key"] == opened.access.credentials.key]

    assert told == str(account["uid"])


def test_a_revoked_key_is_told_as_such(usd_m: House) -> None:
    assert usd_m.access.credentials
    usd_m.exchange.change_account(usd_m.access.credentials.key, enabled=False)

    for call in (usd_m.adapter.account, usd_m.adapter.permissions):
        with pytest.raises(AuthFailed):
            run(call(usd_m.access))


def test_a_secret_that_is_not_the_key_s_is_told_as_such(usd_m: House) -> None:
    assert usd_m.access.credentials
    usd_m.access = AccountAccess("1", Credentials(usd_m.access.credentials.key, "another"))

    with pytest.raises(AuthFailed):
        usd_m.place(usd_m.order())
