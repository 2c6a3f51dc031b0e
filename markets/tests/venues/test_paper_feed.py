"""Changed prices fill what waits, and end accounts without margin, in a few statements."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from markets.models import PaperAccount, PaperOrder, PaperPosition, PaperTransfer, TransferReason
from markets.tests.venues.paper_desk import PaperDesk
from markets.tests.venues.paper_kit import D, MarketKind, OrderType, VenueStatus
from markets.venues.paper import books
from markets.venues.paper.feed import paper_match

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


def statements(desk, price) -> int:
    with CaptureQueriesContext(connection) as counted:
        desk.price(price)
    return len(counted)


def test_a_resting_order_fills_when_the_price_comes_to_it(desk):
    access, order = desk.account(), desk.order("BUY", "0.1", price=49_000)
    desk.place(access, order)

    assert desk.price(49_500) == 0
    assert desk.price(48_900) == 1
    report = desk.query(access, order)
    assert report is not None
    assert (report.status, report.average_price) == (VenueStatus.FILLED, 49_000)
    assert report.fills[0].is_maker
    assert desk.amounts(access) == {"total": D("9999.02"), "locked": D(0)}
    assert desk.price(48_000) == 0


@pytest.mark.parametrize(
    ("side", "order_type", "stop", "price"),
    [
        ("SELL", OrderType.STOP_MARKET, 49_000, 48_900),
        ("BUY", OrderType.STOP_MARKET, 51_000, 51_000),
        ("SELL", OrderType.TAKE_PROFIT_MARKET, 51_000, 51_100),
        ("BUY", OrderType.TAKE_PROFIT_MARKET, 49_000, 49_000),
    ],
)
def test_stops_fire_on_their_side_only(desk, side, order_type, stop, price):
    access, order = desk.account(), desk.order(side, "0.1", type=order_type, stop_price=stop)
    desk.place(access, order)

    assert desk.price(100_000 - price) == 0
    assert desk.price(price) == 1
    assert desk.stored(order).status == VenueStatus.FILLED


def test_a_sale_of_inverse_contracts_is_filled_too():
    desk = PaperDesk(MarketKind.COIN_M)
    access, order = desk.account(1), desk.order("SELL", 100, price=51_000)
    desk.place(access, order)
    desk.price(51_500)

    assert PaperPosition.objects.get().quantity == -100
    assert desk.stored(order).filled_base == PaperPosition.objects.get().cost


def test_orders_of_another_venue_or_market_stay(desk):
    order = desk.order("BUY", "0.1", price=49_000)
    desk.place(desk.account(), order)
    report = desk.prices.set(desk.market, 48_000)

    assert paper_match(venue="binance", prices=[report], source=desk.prices) == 0
    assert paper_match(venue=desk.venue, prices=[], source=desk.prices) == 0
    assert desk.stored(order).status == VenueStatus.NEW


def test_a_price_that_reaches_nobody_costs_two_statements_however_many_orders_rest(desk):
    one = desk.account()
    desk.place(one, desk.order("BUY", "0.01", price=49_000))
    few = statements(desk, 49_900)
    desk.place_all(*[(desk.account(), desk.order("BUY", "0.01", price=49_000)) for _ in range(60)])

    assert statements(desk, 49_800) == few == 2


def test_fills_cost_the_same_few_statements_for_one_order_and_for_sixty(desk):
    desk.place(desk.account(), desk.order("BUY", "0.01", price=49_500))
    few = statements(desk, 49_400)
    desk.place_all(*[(desk.account(), desk.order("BUY", "0.01", price=49_000)) for _ in range(60)])
    many = statements(desk, 48_900)

    assert PaperOrder.objects.filter(status=VenueStatus.FILLED).count() == 61
    assert few <= 10  # two of them begin and end the transaction
    assert many <= few + 1  # somebody holds a position by now


def test_a_large_order_fills_in_parts_as_prices_come(desk):
    access = desk.account(liquidity="10000")
    order = desk.order("BUY", "0.5", price=49_000)
    desk.place(access, order)
    for cents in range(20):
        desk.price(48_000 + cents)

    fills = books.fills(desk.venue, access, order.symbol, order.kind, "", None)
    assert len(fills) > 2
    assert desk.stored(order).filled_quantity == sum(fill.quantity for fill in fills) == D("0.5")


def test_what_closes_and_what_opens_in_one_move_are_worked_off_in_the_order_they_came(desk):
    access = desk.account()
    desk.place(access, desk.order("BUY", "0.1"))
    stop = desk.order("SELL", type=OrderType.STOP_MARKET, stop_price=49_000, close_position=True)
    reopening = desk.order("BUY", "0.05", price=48_900)
    desk.place(access, stop)
    desk.place(access, reopening)
    desk.price(48_800)

    assert desk.stored(stop).filled_quantity == D("0.1")
    assert PaperPosition.objects.get().quantity == D("0.05")


def test_an_account_whose_margin_is_gone_is_liquidated_and_owes_nothing(desk):
    access, rich = desk.account(1_000), desk.account()
    desk.place(access, desk.order("BUY", "0.19"))
    desk.place(rich, desk.order("BUY", "0.19"))
    resting = desk.order("SELL", "0.19", price=52_000)
    desk.place(access, resting)

    assert desk.price(47_000) == 0
    assert desk.price(44_000) == 2
    assert desk.stored(resting).status == VenueStatus.EXPIRED
    assert desk.amounts(access) == {"total": D(0), "locked": D(0)}
    closing = PaperOrder.objects.get(client_order_id__startswith="autoclose-")
    assert (closing.status, closing.reason, closing.filled_quantity) == ("FILLED", "LIQUIDATION", D("0.19"))
    assert PaperTransfer.objects.get(reason=TransferReason.FORGIVEN).amount > 140
    assert PaperPosition.objects.get().account.key == rich.id


def test_an_account_may_keep_more_margin_than_usual(desk):
    careful, usual = desk.account(1_000, maintenance="0.05"), desk.account(1_000)
    for access in (careful, usual):
        desk.place(access, desk.order("BUY", "0.19"))

    assert desk.price(47_000) == 1
    assert PaperPosition.objects.get().account.key == usual.id


def test_terms_that_somebody_broke_hold_up_nobody(desk, caplog):
    broken, other = desk.account(1_000), desk.account(1_000)
    PaperAccount.objects.filter(key=broken.id).update(settings={"maintenance": "much"})
    for access in (broken, other):
        desk.place(access, desk.order("BUY", "0.19"))

    assert desk.price(44_000) == 2
    assert "usual terms" in caplog.text


def test_an_inverse_account_is_liquidated_in_coins():
    desk = PaperDesk(MarketKind.COIN_M)
    access = desk.account("0.1")
    desk.place(access, desk.order("BUY", 400))

    assert desk.price(46_000) == 0
    assert desk.price(44_000) == 1
    assert desk.total(access) == 0
    assert not PaperPosition.objects.exists()


def test_a_position_without_a_price_saves_its_account(desk):
    from tests.factories import make_market

    access = desk.account(1_000)
    desk.place(access, desk.order("BUY", "0.19"))
    make_market(venue=desk.venue, symbol="ETHUSDT")
    PaperPosition.objects.create(
        account=PaperPosition.objects.get().account,
        symbol="ETHUSDT",
        kind="usd_m",
        position_side="BOTH",
        quantity=1,
        cost=1,
        contract_size=1,
        margin_asset="USDT",
        leverage=10,
    )

    assert desk.price(40_000) == 0
    assert PaperPosition.objects.count() == 2
