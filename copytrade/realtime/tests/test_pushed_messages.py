"""What a push tells listeners: events, fields, digits and numbers."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from copytrade.realtime.tests.live import Frame, LiveClient, publish, rises
from tests.payloads import LEAD, ago, body, event, position

pytestmark = pytest.mark.django_db(transaction=True)

Tell = Callable[[Any], Awaitable[list[Frame]]]


@pytest.fixture
async def listener(connect: Any) -> LiveClient:
    """A client that listens to everything."""
    client: LiveClient = await connect()
    await client.subscribe("all")
    return client


@pytest.fixture
def told(listener: LiveClient, push_live: Any) -> Tell:
    """Push a body; return all that the listener is told of it."""

    async def push_and_listen(pushed: Any) -> list[Frame]:
        await push_live(pushed)
        await publish(0)
        frames = []
        while (frame := await listener.message())["event"] != "told":
            frames.append(frame)
        return frames

    return push_and_listen


async def test_a_push_tells_of_fills_positions_and_totals_in_this_order(told: Tell) -> None:
    frames = await told(body(events=[event()], positions=[position("ETHUSDT")]))
    assert [frame["event"] for frame in frames] == [
        "trade:new",
        "position:opened",
        "trader:positionDetected",
        "stats:updated",
        "stats:updated",
        "stats:updated",
    ]
    assert [frame["data"]["scope"] for frame in frames[3:]] == ["trader", "symbol", "symbol"]


async def test_a_fill_has_the_fields_of_the_http_reads_and_keeps_its_digits(told: Tell) -> None:
    pushed = event(
        "CLOSE_LONG",
        "HYPEUSDT",
        amount=Decimal("25.36"),
        price=Decimal("35.005"),
        amountAsset="HYPE",
        realizedPnl=Decimal("-0.00000012345678"),
        event_key="key-1",
    )
    frames = await told(in_digits(body(events=[pushed])))
    data = frames[0]["data"]
    assert datetime.fromisoformat(data.pop("eventTime")).tzinfo is not None
    assert data == {
        "platform": "binance",
        "leadId": LEAD,
        "nickname": None,
        "eventType": "CLOSE_LONG",
        "symbol": "HYPEUSDT",
        "price": Decimal("35.005"),
        "amount": Decimal("25.36"),
        "amountAsset": "HYPE",
        "realizedPnl": Decimal("-0.00000012345678"),
        "eventTimeText": pushed["eventTimeText"],
        "eventKey": "key-1",
    }


async def test_a_position_has_the_fields_of_the_http_reads_and_keeps_its_digits(told: Tell) -> None:
    fetched_at = ago(seconds=1)
    pushed = position(
        "BTCUSDT",
        "SHORT",
        Decimal("-0.108"),
        entryPrice=Decimal("86232.47857539"),
        markPrice=Decimal("72469.70"),
        marginUSDT=Decimal("65.22"),
        pnlUSDT=Decimal("1486.38"),
        roePct=Decimal("2278.93"),
        sizeAsset="BTC",
        leverage=120,
    )
    frames = await told(in_digits(body(fetched_at=fetched_at, positions=[pushed])))
    opened, detected = frames[0]["data"], frames[1]["data"]
    assert opened.pop("id")
    assert opened == {
        "platform": "binance",
        "leadId": LEAD,
        "nickname": None,
        "symbol": "BTCUSDT",
        "side": "SHORT",
        "leverage": 120,
        "size": Decimal("-0.108"),
        "sizeAsset": "BTC",
        "entryPrice": Decimal("86232.47857539"),
        "markPrice": Decimal("72469.7"),
        "marginUSDT": Decimal("65.22"),
        "pnlUSDT": Decimal("1486.38"),
        "roePct": Decimal("2278.93"),
        "fetchedAt": fetched_at,
    }
    assert detected.pop("detectedAt").endswith("Z")
    assert opened.items() <= detected.items()


async def test_a_position_that_changes_and_goes_is_told_under_one_id(told: Tell) -> None:
    opened = await told(body(positions=[position(size=1)]))
    updated = await told(body(positions=[position(size=2)]))
    closed = await told(body(positions=[]))
    by_event = {frame["event"]: frame["data"] for frame in [*opened, *updated, *closed]}
    stories = [by_event[name] for name in ("position:opened", "position:updated", "position:closed")]
    assert [data["symbol"] for data in stories] == ["BTCUSDT"] * 3
    assert len({data["id"] for data in stories}) == 1
    assert by_event["position:updated"]["size"] == 2


async def test_a_position_whose_mark_price_moves_is_told_as_updated(told: Tell) -> None:
    await told(body(positions=[position(markPrice=100)]))
    frames = await told(body(positions=[position(markPrice=101)]))
    assert [frame["event"] for frame in frames] == ["position:updated"]
    assert frames[0]["data"]["markPrice"] == 101


async def test_totals_of_leader_and_symbol_are_told(told: Tell) -> None:
    frames = await told(body(events=[event(symbol="ETHUSDT")], positions=[position("ETHUSDT")]))
    trader, symbol = (frame["data"] for frame in frames if frame["event"] == "stats:updated")
    assert (trader["leadId"], trader["openPositions"]) == (LEAD, 1)
    assert trader["score30d"] == 50
    assert symbol.pop("latestEventAt").endswith("Z")
    assert symbol == {
        "scope": "symbol",
        "platform": "binance",
        "symbol": "ETHUSDT",
        "openLongCount": 1,
        "openShortCount": 0,
        "totalOpen": 1,
    }


async def test_numbers_rise_without_a_gap_and_every_message_has_its_time(told: Tell) -> None:
    frames: list[Frame] = []
    for amount in range(1, 4):
        frames += await told(body(events=[event(amount=amount)], positions=[position(size=amount)]))
    assert rises(frames)
    assert all(datetime.fromisoformat(frame["ts"]).tzinfo is not None for frame in frames)
    assert frames[0]["seq"] == 1
    assert frames[-1]["seq"] == len(frames) + 2  # between the pushes, two other messages were told


async def test_the_same_push_again_tells_nothing(told: Tell) -> None:
    pushed = body(events=[event()], positions=[position()])
    assert await told(pushed)
    assert await told(pushed) == []


def in_digits(pushed: Any) -> str:
    """Return the body as JSON with decimals as numbers in their own digits."""
    text = json.dumps(pushed, default=lambda value: f"\0{value:f}\0")
    return text.replace('"\\u0000', "").replace('\\u0000"', "")
