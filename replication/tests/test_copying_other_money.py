"""A copy enters only what pays in its account's own money, so that no limit compares bitcoins with dollars."""

import pytest

from orders.models import TradingAccount
from replication.models import CopyDay
from replication.services.copies import settings_of
from replication.services.simulating import copy_preview
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_holding, make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


def cross(**values):
    """Ether for bitcoins, at Binance's spot market."""
    return make_market(
        venue="binance", symbol="ETHBTC", base_asset="ETH", quote_asset="BTC", margin_asset="BTC", **values
    )


def inverse(coin: str):
    return make_market(venue="binancecoinm", symbol=f"{coin}USD_PERP", base_asset=coin, margin_asset=coin)


@pytest.fixture
def spot():
    """A copy on a spot account in USDT, whose orders may be worth 1,000."""
    make_market(venue="binance")
    price_is("0.04", market=cross())
    price_is(market=make_market(venue="binance"))
    return follow_since(watched(), account=paper_account(venue="binance"), max_order=D(1_000))


def test_what_is_paid_in_coins_is_skipped_at_an_account_in_dollars(spot):
    tell(spot.trader, did("OPEN_LONG", 100, symbol="ETHBTC", price="0.04"), positions=[])

    skipped = decision(spot)
    assert (skipped.state, skipped.code, held(spot)) == ("skipped", "OTHER_MONEY", 0)
    assert skipped.message == "ETHBTC pays in BTC, and this account's funds and limits are in USDT."
    assert skipped.numbers == {"pays_in": "BTC", "quote": "BTC", "account_asset": "USDT"}


def test_what_is_paid_in_the_accounts_money_is_copied(spot):
    tell(spot.trader, did("OPEN_LONG", 1), positions=[holds(1)])

    assert held(spot) > 0
    assert held(spot) * 50_000 <= 1_000


def test_an_account_that_has_not_told_its_money_has_that_of_its_venue(spot):
    TradingAccount.objects.filter(pk=spot.account_id).update(equity_asset="")

    tell(spot.trader, did("OPEN_LONG", 100, symbol="ETHBTC", price="0.04"), positions=[])

    assert decision(spot).code == "OTHER_MONEY"


def test_such_an_account_copies_what_is_paid_in_that(spot):
    TradingAccount.objects.filter(pk=spot.account_id).update(equity_asset="")

    tell(spot.trader, did("OPEN_LONG", 1), positions=[holds(1)])

    assert held(spot) > 0


def test_exits_of_what_is_held_pass_all_the_same(spot):
    tell(spot.trader, did("OPEN_LONG", 1, ago=5), positions=[holds(1)], read=4)
    assert held(spot) > 0
    TradingAccount.objects.filter(pk=spot.account_id).update(equity_asset="EUR")

    tell(spot.trader, did("CLOSE_LONG", 1), positions=[])

    assert (decision(spot).exits, decision(spot).state) == (True, "filled")


def test_inverse_contracts_of_another_coin_than_the_accounts_are_skipped():
    """What they bring would be added to bitcoins."""
    price_is(market=make_market(venue="binancecoinm"))
    price_is(2_000, market=inverse("ETH"))
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="binancecoinm", balance=10))

    tell(leader, did("OPEN_LONG", 1, symbol="ETHUSDT", price=2_000, ago=5), positions=None)
    assert (decision(copy).code, decision(copy).numbers["pays_in"]) == ("OTHER_MONEY", "ETH")
    tell(leader, did("OPEN_LONG", 1), positions=None)

    assert (decision(copy).state, held(copy)) == ("filled", 500)


def test_a_loss_in_coins_counts_in_dollars_against_the_daily_loss():
    price_is(market=make_market(venue="binancecoinm"))
    leader = watched()
    copy = follow_since(leader, account=paper_account(venue="binancecoinm", balance=10), max_daily_loss=D(1_000))
    tell(leader, did("OPEN_LONG", 1, ago=5), positions=None)
    CopyDay.objects.filter(copy=copy).update(realized_pnl=D("-0.02"))  # of 50,000

    tell(leader, did("OPEN_LONG", 1), positions=None)

    assert decision(copy).code == "DAILY_LOSS"


def test_an_account_limit_is_not_kept_with_sums_of_dollars_and_bitcoins(spot):
    TradingAccount.objects.filter(pk=spot.account_id).update(max_worth=D(100_000))
    make_holding(account=spot.account, market=cross(), quantity="5000", cost="200")

    tell(spot.trader, did("OPEN_LONG", 1), positions=[holds(1)])

    assert (decision(spot).code, held(spot)) == ("OTHER_MONEY", 0)
    assert decision(spot).numbers == {"quote": "USDT", "held_in": "BTC"}


def test_without_an_account_limit_what_else_it_holds_is_its_owners_affair(spot):
    make_holding(account=spot.account, market=cross(), quantity="5000", cost="200")

    tell(spot.trader, did("OPEN_LONG", 1), positions=[holds(1)])

    assert held(spot) > 0


def test_a_dollar_by_another_name_is_the_same_money():
    make_market()
    price_is()
    leader, account = make_master()
    copy = follow(leader)
    TradingAccount.objects.filter(pk=copy.account_id).update(equity_asset="USDC", max_worth=D(1_000_000))
    make_holding(account=copy.account, market=make_market(symbol="BTCUSDC", quote_asset="USDC"), quantity=1, cost=5)

    lead(account, "BUY", "0.1")

    assert held(copy) == D("0.1")


def test_the_preview_says_so_as_well(spot):
    tell(spot.trader, did("OPEN_LONG", 100, symbol="ETHBTC", price="0.04"), positions=None)

    found = copy_preview(user=spot.account.user, trader=spot.trader, settings=settings_of(spot), account=spot.account)

    assert found.skipped == {"OTHER_MONEY": 1}
