"""The demo without the internet: markets, prices and a paper trader, which give way to real ones and leave nothing."""

import re
import shlex
import stat
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from copytrade.accounts.models import ApiKey, User
from copytrade.billing.models import Plan
from copytrade.billing.services import membership_set
from copytrade.lib.redis import client as redis_client
from copytrade.ops.demo.key import key_for_seeding, trade_key_ensure, trade_key_file
from copytrade.ops.demo.listing import SPOT, STATUS, USD_M, demo_markets, markets_remove, markets_seed
from copytrade.ops.demo.market import INSTRUMENTS
from copytrade.ops.demo.prices import DemoPrices
from copytrade.ops.demo.trader import DEPOSIT, EMAIL, STEPS, trader_find, trader_remove, trader_seed
from copytrade.ops.runtime.messages import welcome_text
from markets.models import Market, MarketRefresh, PaperAccount, PaperOrder, PriceWatch
from markets.prices import prices_read, prices_write
from markets.services.refresh import markets_refresh
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind
from orders.models import Fill, Holding, Order, TradingAccount
from orders.services.accounts import account_create
from tests.factories import make_fill, make_holding, make_market, make_order, make_user

PRICES = {symbol: item.fair_price for symbol, item in INSTRUMENTS.items()}
BITCOIN = PRICES["BTCUSDT"]


@pytest.fixture(autouse=True)
def _nothing_known(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    names = [f"copytrade:prices:{venue}:{kind}" for venue in ("binance", "binanceusdm") for kind in MarketKind]
    redis_client(settings.REDIS_URL).delete(*names)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def feed(said: list[str]) -> DemoPrices:
    return DemoPrices(said.append)


@pytest.fixture
def trader(transactional_db: None, feed: DemoPrices) -> User:
    markets_seed()
    return trader_seed(prices=PRICES, feed=feed)[0]


def known(symbol: str = "BTCUSDT", venue: str = "binanceusdm", kind: MarketKind = MarketKind.USD_M) -> PriceReport:
    return prices_read(venue, kind, [symbol])[symbol]


def tell_really(price: str, *, symbol: str = "BTCUSDT", age: float = 0) -> None:
    time = timezone.now() - timedelta(seconds=age)
    prices_write("binanceusdm", [PriceReport(symbol, MarketKind.USD_M, time, last=Decimal(price))])


def run(command: str, *arguments: str) -> str:
    output = StringIO()
    call_command(command, *arguments, stdout=output)
    return output.getvalue()


def test_the_trader_has_filled_orders_and_holdings(trader: User) -> None:
    account = TradingAccount.objects.get(user=trader)
    held = dict(Holding.objects.filter(account=account).values_list("market__symbol", "quantity"))

    assert set(Order.objects.values_list("account", "state")) == {(account.pk, "FILLED")}
    assert Order.objects.count() == len(STEPS) <= Fill.objects.count()
    assert held["BTCUSDT"] > 0 > held["ETHUSDT"]
    assert held["SOLUSDT"] > 0 == held["DOGEUSDT"]
    assert account.equity is not None
    assert abs(account.equity - DEPOSIT) < 200
    assert known().last == BITCOIN  # where the simulated market stands
    assert not trader.has_usable_password()
    assert not trader.is_staff


def test_what_is_there_is_not_made_again(trader: User, feed: DemoPrices) -> None:
    facts = Order.objects.count(), Fill.objects.count(), PaperAccount.objects.count(), Market.objects.count()

    assert trader_seed(prices=PRICES, feed=feed) == (trader, 0)
    assert markets_seed() == 0

    assert facts == (Order.objects.count(), Fill.objects.count(), PaperAccount.objects.count(), Market.objects.count())


def test_an_order_that_is_missing_is_made_up_for(trader: User, feed: DemoPrices) -> None:
    last = Order.objects.get(client_order_id=STEPS[-1].name)
    Fill.objects.filter(order=last).delete()
    last.delete()
    PaperOrder.objects.filter(client_order_id=STEPS[-1].name).delete()

    assert trader_seed(prices=PRICES, feed=feed) == (trader, 1)


def test_anybody_with_the_demos_key_can_place_a_paper_order(trader: User, client: Client) -> None:
    trade_key_ensure(user=trader)
    key = trade_key_file().read_text().strip()
    body = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.05"}

    answer = client.post(
        "/api/binance/futures/order", body, content_type="application/json", headers={"X-API-Key": key}
    )

    assert answer.json()["data"]["status"] == "FILLED", answer.content


def test_the_launcher_tells_how_to_place_one() -> None:
    text = welcome_text("http://127.0.0.1:8000", None, timezone.now(), trade_key_file())
    command = re.search(r"^curl -sS \S+/api/binance/futures/order(.|\n)*?}'$", text, re.MULTILINE)
    assert command is not None
    assert shlex.split(command[0])[-1] == '{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}'
    assert f"X-API-Key: $(cat '{trade_key_file()}')" in command[0]
    assert "binance/futures" not in welcome_text("http://127.0.0.1:8000", None, timezone.now())


def test_without_a_price_nothing_is_traded(transactional_db: None, feed: DemoPrices) -> None:
    markets_seed()
    assert trader_seed(prices={}, feed=feed)[1] == 0
    assert not Order.objects.exists()


def test_the_trade_key_is_private_and_replaced_when_it_is_lost(db: None) -> None:
    user = make_user()
    trade_key_ensure(user=user)
    first = ApiKey.objects.get(user=user)
    trade_key_ensure(user=user)
    with key_for_seeding():
        pass  # the feeder's key is another one
    assert stat.S_IMODE(trade_key_file().stat().st_mode) == 0o600
    assert list(ApiKey.objects.filter(user=user)) == [first]
    trade_key_file().unlink()
    trade_key_ensure(user=user)
    assert ApiKey.objects.get(user=user) != first


def test_a_person_called_demo_is_left_alone(transactional_db: None, feed: DemoPrices) -> None:
    person = make_user(username="demo")
    markets_seed()

    trader, _ = trader_seed(prices=PRICES, feed=feed)

    assert trader.username == EMAIL
    assert trader_remove() == len(STEPS)
    assert User.objects.get() == person


@pytest.mark.django_db
def test_a_person_with_the_demos_address_is_not_the_demo() -> None:
    make_user(email=EMAIL)
    assert trader_find() is None
    assert trader_remove() == 0


@pytest.mark.django_db
def test_markets_of_a_venue_that_was_listed_are_not_invented() -> None:
    MarketRefresh.objects.create(venue="binance", last_success_at=timezone.now())
    real = make_market(symbol="ETHUSDT")

    assert markets_seed() == len(USD_M) - 1

    assert set(Market.objects.values_list("venue", flat=True)) == {"binanceusdm"}
    assert Market.objects.get(symbol="ETHUSDT") == real
    assert Market.objects.get(symbol="ETHUSDT").status == "TRADING"


def test_the_demos_markets_have_rules_that_fit_its_prices() -> None:
    for market in demo_markets():
        rules, price = market.filters, PRICES[market.symbol]
        assert rules.price_min is not None
        assert rules.price_max is not None
        assert rules.price_min < price < rules.price_max
        assert rules.quantity_min is not None
        assert rules.notional_min is not None
        assert rules.quantity_min * price < 200


@pytest.mark.django_db
def test_a_real_refresh_takes_the_markets_over() -> None:
    markets_seed()
    before = dict(Market.objects.filter(venue="binance").values_list("symbol", "pk"))
    listed = [spec(symbol) for symbol in SPOT if symbol != "BNBUSDT"]

    with venues(binance=FakeVenue(specs=listed)):
        result = markets_refresh(venue="binance")

    assert (result.created, result.updated, result.delisted) == (0, len(listed), 1)
    assert dict(Market.objects.filter(venue="binance").values_list("symbol", "pk")) == before
    assert markets_remove() == len(USD_M) + 1  # the one that the venue does not list was never real
    assert set(Market.objects.values_list("symbol", "status")) == {(each.symbol, "TRADING") for each in listed}


@pytest.mark.django_db
def test_markets_that_something_refers_to_stay() -> None:
    markets_seed()
    ether, bitcoin = (Market.objects.get(venue="binanceusdm", symbol=name) for name in ("ETHUSDT", "BTCUSDT"))
    make_order(market=ether)
    PriceWatch.objects.create(market=bitcoin)  # nobody who watches a price needs it to be invented

    assert markets_remove() == len(USD_M) + len(SPOT) - 1

    assert Market.objects.get() == ether
    assert markets_remove() == 0


@pytest.mark.django_db
def test_prices_are_told_on_the_tick_of_each_market(feed: DemoPrices) -> None:
    markets_seed()

    assert feed.tell({"BTCUSDT": Decimal("68420.57"), "HYPEUSDT": Decimal("33.512")}) == 3

    futures, spot = known(), known(venue="binance", kind=MarketKind.SPOT)
    assert (futures.bid, futures.ask, futures.mark) == (Decimal("68420.5"), Decimal("68420.6"), Decimal("68420.5"))
    assert (spot.last, spot.ask, spot.mark) == (Decimal("68420.57"), Decimal("68420.58"), None)


@pytest.mark.django_db
def test_a_tick_fills_the_paper_orders_that_it_reaches(trader: User, feed: DemoPrices, client: Client) -> None:
    account = account_create(user=make_user(), name="Mine", venue="binanceusdm", actor=None)
    trade_key_ensure(user=account.user)
    body = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    headers = {"X-API-Key": trade_key_file().read_text().strip()}
    answer = client.post(
        "/api/binance/futures/order",
        {**body, "price": str(BITCOIN - 100)},
        content_type="application/json",
        headers=headers,
    )
    assert answer.json()["data"]["status"] == "NEW", answer.content

    feed.tell({**PRICES, "BTCUSDT": BITCOIN - 200})

    assert PaperOrder.objects.get(account__key=str(account.key)).status == "FILLED"


@pytest.mark.django_db
def test_real_prices_end_the_demos_at_their_venue_for_good(feed: DemoPrices, said: list[str], settings: Any) -> None:
    markets_seed()
    feed.tell(PRICES)
    tell_really("100000")

    assert feed.tell(PRICES) == len(SPOT)
    settings.PRICE_STALE_AFTER_SECONDS = 0  # whatever is known is old now
    assert feed.tell(PRICES) == len(SPOT)

    assert known().last == Decimal(100_000)
    assert said == ["Prices of binanceusdm come from elsewhere now: the demo tells none there."]


@pytest.mark.django_db
def test_a_real_price_is_newer_than_one_of_the_demo_even_if_its_clock_is_behind(feed: DemoPrices) -> None:
    markets_seed()
    feed.tell(PRICES)
    tell_really("100000", age=1)
    feed.tell(PRICES)
    assert known().last == Decimal(100_000)


@pytest.mark.django_db
def test_a_price_of_a_watched_market_that_the_demo_does_not_have_counts(feed: DemoPrices, said: list[str]) -> None:
    markets_seed()
    PriceWatch.objects.create(market=make_market(symbol="LTCUSDT"))
    feed.tell(PRICES)
    tell_really("90", symbol="LTCUSDT")
    assert feed.tell(PRICES) == len(SPOT)
    assert len(said) == 1


@pytest.mark.django_db
def test_what_was_known_before_is_replaced_once_nobody_renews_it(feed: DemoPrices, settings: Any) -> None:
    markets_seed()
    tell_really("100000", age=4)
    assert feed.tell(PRICES) == len(SPOT)
    assert known().last == Decimal(100_000)

    settings.PRICE_STALE_AFTER_SECONDS = 6

    assert feed.tell(PRICES) == len(SPOT) + len(USD_M)
    assert known().last == BITCOIN


@pytest.mark.django_db
def test_without_redis_no_price_is_told_and_that_is_said_once(feed: DemoPrices, said: list[str], settings: Any) -> None:
    markets_seed()
    url = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert feed.tell(PRICES) == feed.tell(PRICES) == 0
    settings.REDIS_URL = url
    assert feed.tell(PRICES) == len(SPOT) + len(USD_M)
    assert said == ["Prices are not told: ConnectionError."]


@pytest.mark.django_db
def test_without_markets_no_price_is_told(feed: DemoPrices) -> None:
    assert feed.tell(PRICES) == 0


def test_removing_takes_all_of_the_demo_and_nothing_else(transactional_db: None) -> None:
    person = make_user()
    run("seed_demo", "--days", "1")
    assert Market.objects.filter(status=STATUS).count() == len(USD_M) + len(SPOT)
    account = account_create(user=person, name="Mine", venue="binanceusdm", actor=None)
    market = Market.objects.get(venue="binanceusdm", symbol="BTCUSDT")
    order = make_order(account=account, market=market)
    fill, holding = make_fill(order), make_holding(account=account, market=market)

    starter = Plan.objects.get(name="Starter")
    membership_set(user=person, plan=starter, actor=None)

    assert f"{len(STEPS)} paper orders, 1 plans, {len(USD_M) + len(SPOT) - 1} markets." in run("remove_demo")

    assert list(User.objects.all()) == [person]
    assert (Order.objects.get(), Fill.objects.get(), Holding.objects.get()) == (order, fill, holding)
    assert TradingAccount.objects.get() == account
    assert PaperAccount.objects.get().key == str(account.key)
    assert Market.objects.get() == market
    assert not ApiKey.objects.exists()
    assert not trade_key_file().exists()
    assert Plan.objects.get() == starter
    assert "0 paper orders, 0 plans, 0 markets." in run("remove_demo")
