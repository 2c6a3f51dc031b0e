"""Paper accounts: opening them, their funds, their leverage, and what they are worth."""

import pytest

from copytrade.lib.errors import InvalidInput, NotFound
from markets.models import PaperAccount, PaperTransfer
from markets.tests.venues.paper_desk import PaperDesk
from markets.tests.venues.paper_kit import D, MarketKind
from markets.venues.base import AccountAccess
from markets.venues.errors import AuthFailed, Rejected, RejectReason
from markets.venues.paper.accounts import account_report, leverage_set, paper_account_open, paper_funds_move
from tests.factories import make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


def test_an_account_opens_with_ten_thousand_of_its_venues_currency():
    account = paper_account_open(key="one", venue="binanceusdm")

    assert account.balances == {"USDT": {"total": "10000", "locked": "0"}}
    assert PaperTransfer.objects.get().amount == 10_000
    assert paper_account_open(key="coins", venue="binancecoinm", amount=D(2)).currency == "BTC"


def test_opening_an_account_again_changes_nothing():
    first = paper_account_open(key="one", venue="binanceusdm")
    again = paper_account_open(key="one", venue="binanceusdm", amount=D(5))

    assert (again.pk, again.balances) == (first.pk, first.balances)
    assert PaperTransfer.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"amount": D(-1)}, "amount"),
        ({"amount": D("NaN")}, "amount"),
        ({"leverage": 0}, "leverage"),
        ({"leverage": 126}, "leverage"),
        ({"settings": {"slippage": "much"}}, "settings.slippage"),
        ({"settings": {"taker_fee": "0.5"}}, "settings.taker_fee"),
        ({"settings": {"latency": -1}}, "settings.latency"),
        ({"settings": {"luck": 1}}, "settings.luck"),
    ],
)
def test_wrong_terms_are_named_and_open_nothing(values, path):
    with pytest.raises(InvalidInput) as refused:
        paper_account_open(key="one", venue="binanceusdm", **values)

    assert refused.value.details["errors"][0]["path"] == path
    assert not PaperAccount.objects.exists()


def test_an_unknown_venue_is_refused():
    with pytest.raises(InvalidInput):
        paper_account_open(key="one", venue="nowhere")


def test_an_account_has_its_own_fees(desk):
    access = desk.account(taker_fee="0.001")
    report = desk.place(access, desk.order("BUY", "0.1"))

    assert report.fills[0].fee == 5


def test_funds_are_added_and_removed_and_the_same_wish_counts_once(desk):
    access = desk.account()
    for _ in range(2):
        paper_funds_move(key=access.id, asset="USDT", amount=D(500), reference="first", source=desk.prices)
    paper_funds_move(key=access.id, asset="USDT", amount=D(-200), source=desk.prices)

    assert desk.total(access) == 10_300
    assert set(PaperTransfer.objects.values_list("reason", "amount")) == {
        ("opening", D(10_000)),
        ("deposit", D(500)),
        ("withdrawal", D(-200)),
    }


def test_what_is_in_use_cannot_be_removed(desk):
    access = desk.account(1_000)
    desk.place(access, desk.order("BUY", "0.1", price=49_000))
    with pytest.raises(InvalidInput):
        paper_funds_move(key=access.id, asset="USDT", amount=D(-511), source=desk.prices)

    desk.price(48_000)
    with pytest.raises(InvalidInput):
        paper_funds_move(key=access.id, asset="USDT", amount=D(-410), source=desk.prices)
    assert paper_funds_move(key=access.id, asset="USDT", amount=D(-400), source=desk.prices).pk


@pytest.mark.parametrize("amount", ["0", "NaN", "Infinity"])
def test_an_amount_that_is_none_is_refused(desk, amount):
    with pytest.raises(InvalidInput):
        paper_funds_move(key=desk.account().id, asset="USDT", amount=D(amount), source=desk.prices)


def test_funds_of_an_account_that_is_not_there_are_not_found(desk):
    with pytest.raises(NotFound):
        paper_funds_move(key="nobody", asset="USDT", amount=D(1), source=desk.prices)


def test_an_account_tells_balances_positions_and_equity(desk):
    access = desk.account()
    desk.place(access, desk.order("BUY", "0.1"))
    desk.prices.set(desk.market, 51_000)
    report = account_report(desk.venue, access, desk.prices)

    (balance,) = report.balances
    assert (balance.total, balance.free) == (D(9_998), D(9_598))
    (position,) = report.positions
    assert (position.quantity, position.entry_price, position.unrealized_pnl) == (D("0.1"), D(50_000), D(100))
    assert (report.equity, report.equity_asset, report.complete) == (D(10_098), "USDT", True)


def test_coins_count_at_their_price_in_the_accounts_currency():
    desk = PaperDesk(MarketKind.SPOT)
    access = desk.account()
    desk.place(access, desk.order("BUY", "0.1"))
    desk.prices.set(desk.market, 60_000)
    report = account_report(desk.venue, access, desk.prices)

    assert report.equity == 5_000 + D("0.0999") * 60_000
    assert {balance.asset for balance in report.balances} == {"BTC", "USDT"}


def test_equity_is_unknown_where_a_price_is(desk):
    access = desk.account()
    desk.place(access, desk.order("BUY", "0.1"))
    desk.prices.known.clear()
    report = account_report(desk.venue, access, desk.prices)

    assert report.equity is None
    assert report.positions[0].unrealized_pnl is None


def test_leverage_is_set_by_contract_and_taken_by_open_positions(desk):
    access = desk.account(1_000)
    desk.place(access, desk.order("BUY", "0.1"))
    leverage_set(desk.venue, access, desk.market.symbol, MarketKind.USD_M, 50, desk.prices)

    assert account_report(desk.venue, access, desk.prices).positions[0].leverage == 50
    assert desk.place(access, desk.order("BUY", "0.5"))


def test_a_leverage_that_the_margin_does_not_allow_is_refused(desk):
    access = desk.account(1_000)
    desk.place(access, desk.order("BUY", "0.1"))
    with pytest.raises(Rejected) as refused:
        leverage_set(desk.venue, access, desk.market.symbol, MarketKind.USD_M, 2, desk.prices)

    assert refused.value.reason == RejectReason.INSUFFICIENT_MARGIN
    assert account_report(desk.venue, access, desk.prices).positions[0].leverage == 10


@pytest.mark.parametrize(
    ("symbol", "leverage", "reason"),
    [
        ("BTCUSDT", 0, RejectReason.LEVERAGE_REFUSED),
        ("BTCUSDT", 126, RejectReason.LEVERAGE_REFUSED),
        ("NOSUCHTHING", 5, RejectReason.UNKNOWN_SYMBOL),
    ],
)
def test_a_leverage_out_of_bounds_or_of_no_contract_is_refused(desk, symbol, leverage, reason):
    with pytest.raises(Rejected) as refused:
        leverage_set(desk.venue, desk.account(), symbol, MarketKind.USD_M, leverage, desk.prices)
    assert refused.value.reason == reason


def test_an_account_that_is_not_there_has_no_report(desk):
    make_market()
    for ask in (
        lambda: account_report(desk.venue, AccountAccess("nobody"), desk.prices),
        lambda: leverage_set(desk.venue, AccountAccess("nobody"), "BTCUSDT", MarketKind.USD_M, 5, desk.prices),
    ):
        with pytest.raises(AuthFailed):
            ask()
