"""Pushing the raw scrape."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.payloads import LEAD, ago, body, event, iso, raw_body, raw_order, raw_position
from traders.models import LeadTrader, Position, Score, TradeEvent

pytestmark = pytest.mark.django_db
SCRAPE = json.loads((Path(__file__).parent / "data" / "scrape_combined.json").read_text())
T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def kinds() -> list[str]:
    return list(TradeEvent.objects.order_by("event_time", "id").values_list("kind", flat=True))


def test_a_real_scrape_becomes_leader_positions_and_fills(push, read):
    answer = push(SCRAPE)

    assert answer.status_code == 200, answer.content
    assert answer.json()["data"] | {"traderScore": 50, "symbolsAggregated": 5} == {
        "leadId": LEAD,
        "positionsInserted": 7,
        "eventsInserted": 10,
        "eventsSkipped": 0,
        "symbolsAggregated": 5,
        "traderScore": 50,
    }
    assert read(f"/traders/{LEAD}")["data"]["nickname"] == "晚风007"
    short = Position.objects.get(symbol="BTCUSDT", side="SHORT")
    assert (short.size, short.margin_usdt) == (Decimal("-0.020"), Decimal("11.0862"))
    assert short.roe_pct == Decimal("3556.72431942")
    assert "roiSeries" in LeadTrader.objects.get().raw


def test_the_same_scrape_again_changes_nothing(push):
    push(SCRAPE)

    assert push(SCRAPE).json()["data"]["eventsSkipped"] == 10
    assert TradeEvent.objects.count() == 10


def test_hedged_orders_open_and_close_by_their_position_side(push):
    orders = [
        raw_order("BUY", at=at(1), position_side="LONG"),
        raw_order("SELL", at=at(2), position_side="LONG", pnl=3),
        raw_order("SELL", at=at(3), position_side="SHORT"),
        raw_order("BUY", at=at(4), position_side="SHORT", pnl=-2),
    ]

    push(raw_body(orders))

    assert kinds() == ["OPEN_LONG", "CLOSE_LONG", "OPEN_SHORT", "CLOSE_SHORT"]


def test_losses_count_like_profits(push, read):
    orders = [
        raw_order("SELL", at=at(1), position_side="LONG", pnl=100),
        raw_order("SELL", at=at(2), position_side="LONG", pnl=-5000),
    ]

    push(raw_body(orders))

    assert read("/traders/top")["data"][0]["realizedPnl"] == -4900
    assert Score.objects.get(window=30).score < 50


def test_an_open_has_no_result_and_a_close_at_no_gain_has_one(push):
    push(
        raw_body(
            [
                raw_order("BUY", at=at(1), position_side="LONG", pnl=0),
                raw_order("SELL", at=at(2), position_side="LONG", pnl=0),
            ]
        )
    )

    assert list(TradeEvent.objects.order_by("event_time").values_list("realized_pnl", flat=True)) == [None, 0]
    score = Score.objects.get(window=30)
    assert (score.closed_trades, score.win_rate) == (1, None)


def test_two_fills_within_one_second_stay_two(push):
    twins = [raw_order("BUY", at=at(0.1), position_side="LONG"), raw_order("BUY", at=at(0.9), position_side="LONG")]

    push(raw_body(twins))
    push(raw_body([*twins, raw_order("BUY", at=at(60), position_side="LONG")]))
    push(raw_body(twins[1:]))

    assert TradeEvent.objects.count() == 3
    assert len(set(TradeEvent.objects.values_list("event_key", flat=True))) == 3


def test_two_rows_that_are_alike_to_the_last_digit_stay_two(push):
    twins = [raw_order("BUY", at=at(0.1), position_side="LONG")] * 2

    push(raw_body(twins))
    push(raw_body(twins))

    assert TradeEvent.objects.count() == 2


def test_a_fill_known_from_the_normalised_form_is_not_stored_again(push):
    push(body(events=[event("OPEN_LONG", at=at(5))]))

    twins = [raw_order("BUY", at=at(5.2), position_side="LONG"), raw_order("BUY", at=at(5.7), position_side="LONG")]
    first = push(raw_body(twins[:1])).json()["data"]
    second = push(raw_body(twins)).json()["data"]
    third = push(raw_body(twins)).json()["data"]

    assert [answer["eventsInserted"] for answer in (first, second, third)] == [0, 1, 0]


def test_a_fill_known_from_the_raw_form_is_not_stored_again_by_the_normalised_one(push):
    push(raw_body([raw_order("BUY", at=at(5.2), position_side="LONG")]))

    assert push(body(events=[event("OPEN_LONG", at=at(5))])).json()["data"]["eventsSkipped"] == 1


def test_one_way_orders_open_from_flat_and_close_what_was_open(push):
    push(raw_body([raw_order("BUY", at=at(1))], [raw_position(amount="1")], fetched_at=iso(at(10))))
    push(raw_body([raw_order("SELL", at=at(20), pnl=5)], [], fetched_at=iso(at(30))))
    push(raw_body([raw_order("SELL", at=at(40))], [raw_position(amount="-1")], fetched_at=iso(at(50))))
    push(raw_body([raw_order("BUY", at=at(60), pnl=-2)], [], fetched_at=iso(at(70))))

    assert kinds() == ["OPEN_LONG", "CLOSE_LONG", "OPEN_SHORT", "CLOSE_SHORT"]


def test_a_one_way_close_without_gain_is_told_by_the_position_before_it(push):
    push(raw_body([], [raw_position(amount="1")], fetched_at=iso(at(10))))
    push(raw_body([raw_order("SELL", at=at(20), pnl=0)], [], fetched_at=iso(at(30))))

    assert kinds() == ["CLOSE_LONG"]


def test_a_one_way_order_through_zero_is_a_close_and_an_open(push):
    push(raw_body([], [raw_position(amount="2")], fetched_at=iso(at(10))))
    flip = raw_order("SELL", at=at(20), quantity=5, pnl=7)

    push(raw_body([flip], [raw_position(amount="-3")], fetched_at=iso(at(30))))
    push(raw_body([flip], [raw_position(amount="-3")], fetched_at=iso(at(40))))

    fills = TradeEvent.objects.order_by("kind").values_list("kind", "amount", "realized_pnl")
    assert list(fills) == [("CLOSE_LONG", 2, 7), ("OPEN_SHORT", 3, None)]


def test_the_first_one_way_scrape_is_walked_back_from_the_positions_it_shows(push):
    orders = [
        raw_order("SELL", at=at(3), quantity=2, pnl=0),
        raw_order("BUY", at=at(2), quantity=1, pnl=4),
        raw_order("SELL", at=at(1), quantity=1, pnl=0),
    ]

    push(raw_body(orders, [raw_position(amount="-7")], fetched_at=iso(at(9))))

    assert kinds() == ["OPEN_SHORT", "CLOSE_SHORT", "OPEN_SHORT"]


def test_a_result_tells_a_close_where_nothing_else_is_known(push):
    push(raw_body([raw_order("BUY", at=at(1), pnl=4)]))

    assert kinds() == ["CLOSE_SHORT"]


def test_a_shorter_window_of_one_way_orders_does_not_split_a_stored_fill(push):
    orders = [
        raw_order("SELL", at=at(3), quantity=3, pnl=7),
        raw_order("BUY", at=at(2), quantity=1),
        raw_order("BUY", at=at(1), quantity=5),
    ]
    push(raw_body(orders))

    assert push(raw_body(orders[:2])).json()["data"]["eventsInserted"] == 0
    assert TradeEvent.objects.count() == 3


def test_after_a_gap_one_way_orders_are_walked_back_from_the_report_itself(push):
    push(raw_body([], [raw_position(amount="1")], fetched_at=iso(at(-3600))))
    orders = [raw_order("SELL", at=at(2), quantity=3), raw_order("BUY", at=at(1), quantity=2, pnl=3)]

    push(raw_body(orders, [raw_position(amount="-8")], fetched_at=iso(at(9))))

    assert kinds() == ["CLOSE_SHORT", "OPEN_SHORT"]


def test_an_order_right_after_the_positions_were_fetched_is_walked_from_the_ones_known_before(push):
    push(raw_body([], [], fetched_at=iso(at(0))))

    push(raw_body([raw_order("BUY", at=at(5))], [], fetched_at=iso(at(6))))

    assert kinds() == ["OPEN_LONG"]


def test_an_exact_time_in_the_normalised_form_is_the_same_fill_as_in_the_raw_one(push):
    push(raw_body([raw_order("SELL", at=at(5.25), position_side="LONG", pnl=2)]))
    exact = event("CLOSE_LONG", at=at(5), realizedPnl=2, eventTime=int(at(5.25).timestamp() * 1000))

    assert push(body(events=[exact])).json()["data"]["eventsSkipped"] == 1


def test_a_leader_who_hides_positions_is_not_flat(push, read):
    push(raw_body([], [raw_position(side="LONG")], fetched_at=iso(at(1))))
    push(raw_body([], [], fetched_at=iso(at(2)), portfolioDetail={"positionShow": False, "nickname": "Ada"}))

    positions = read(f"/traders/{LEAD}/positions")
    assert (positions["meta"]["positionCount"], positions["meta"]["positionsVisible"]) == (1, False)


def test_empty_rows_of_symbols_that_were_once_set_up_are_no_positions(push):
    answer = push(raw_body([], [raw_position(amount="0.000"), raw_position(side="LONG", amount="-0")]))

    assert answer.json()["data"]["positionsInserted"] == 0


def test_orders_that_were_never_filled_are_no_fills(push):
    assert push(raw_body([raw_order(at=at(1), quantity=0, price=0)])).json()["data"]["eventsInserted"] == 0


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"activePositions": [raw_position(amount="x")]}, "activePositions[0].positionAmount"),
        ({"activePositions": {"code": "11012005"}}, "activePositions"),
        ({"orderHistory": {"total": 3}}, "orderHistory.allOrders"),
        ({"orderHistory": {"allOrders": [raw_order(at=T0, orderTime="noon")]}}, "orderHistory.allOrders[0].orderTime"),
        ({"orderHistory": {"allOrders": [raw_order("HOLD", at=T0)]}}, "orderHistory.allOrders[0].side"),
        ({"portfolioDetail": {"positionShow": "maybe"}}, "portfolioDetail.positionShow"),
    ],
)
def test_a_wrong_member_is_refused_by_its_path(push, members, path):
    response = push({"leadId": LEAD, "fetchedAt": ago(), "orderHistory": {"allOrders": []}} | members)

    assert response.status_code == 400, response.content
    assert [problem["path"] for problem in response.json()["error"]["details"]["errors"]] == [path]
