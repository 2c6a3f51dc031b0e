"""Subscribing to streams, and what arrives then."""

from typing import Any

import pytest
from channels.db import database_sync_to_async

from copytrade.realtime import consumer
from copytrade.realtime.tests.live import numbers, publish, rises
from tests.payloads import LEAD, body, event, position
from traders.models import LeadTrader

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_LEAD = "4681698170884314114"


@pytest.fixture
async def _known(push_live: Any) -> None:
    """Two leaders and two symbols are known."""
    await push_live(body(events=[event(symbol="BTCUSDT")], positions=[position("BTCUSDT")]))
    await push_live(body(lead=OTHER_LEAD, events=[event(symbol="ETHUSDT", lead=OTHER_LEAD)]))


async def test_subscribing_to_everything_is_acknowledged(connect: Any) -> None:
    client = await connect()
    frame = await client.ask("subscribe:all")
    assert frame["event"] == "ack"
    assert frame["data"] == {"event": "subscribe:all", "stream": "all", "seq": 0}
    assert frame["ts"].endswith("Z")


@pytest.mark.usefixtures("_known")
async def test_a_leader_is_named_by_its_id_alone_or_in_an_object(connect: Any) -> None:
    client = await connect()
    for data in (LEAD, {"traderId": LEAD}, {"leadId": LEAD}, {"leadId": LEAD, "platform": "binance"}):
        frame = await client.ask("subscribe:trader", data)
        assert (frame["event"], frame["data"]["stream"]) == ("ack", f"trader:binance:{LEAD}"), data


@pytest.mark.usefixtures("_known")
async def test_a_symbol_is_named_in_any_case_alone_or_in_an_object(connect: Any) -> None:
    client = await connect()
    for data in ("BTCUSDT", "btcusdt", {"symbol": "BTCUSDT"}):
        frame = await client.ask("subscribe:symbol", data)
        assert (frame["event"], frame["data"]["stream"]) == ("ack", "symbol:BTCUSDT"), data


@pytest.mark.usefixtures("_known")
async def test_the_acknowledgement_tells_the_number_after_which_messages_arrive(connect: Any, push_live: Any) -> None:
    client = await connect()
    seq = await client.subscribe("all")
    await push_live(body(events=[event(amount=2)]))
    assert (await client.message())["seq"] == seq + 1


@pytest.mark.usefixtures("_known")
async def test_a_leaders_stream_brings_only_its_own_messages(connect: Any, push_live: Any) -> None:
    one, everything = await connect(), await connect()
    await one.subscribe("trader", LEAD)
    await everything.subscribe("all")
    await push_live(body(lead=OTHER_LEAD, events=[event(lead=OTHER_LEAD, amount=3)]))
    await push_live(body(events=[event(amount=4)]))
    while (await everything.message())["data"].get("amount") != 4:
        pass
    arrived = await one.arrived()
    assert {frame["data"]["leadId"] for frame in arrived} == {LEAD}
    assert [frame["data"]["amount"] for frame in arrived if frame["event"] == "trade:new"] == [4]


@pytest.mark.usefixtures("_known")
async def test_a_symbols_stream_brings_only_its_own_messages(connect: Any, push_live: Any) -> None:
    client = await connect()
    await client.subscribe("symbol", "ETHUSDT")
    await push_live(body(events=[event(symbol="BTCUSDT", amount=5)], positions=[position("SOLUSDT")]))
    await push_live(body(events=[event(symbol="ETHUSDT", amount=6)]))
    trade, stats = await client.messages(2)
    assert (trade["event"], trade["data"]["symbol"], trade["data"]["amount"]) == ("trade:new", "ETHUSDT", 6)
    assert (stats["event"], stats["data"]["scope"], stats["data"]["symbol"]) == ("stats:updated", "symbol", "ETHUSDT")


@pytest.mark.usefixtures("_known")
async def test_a_message_on_several_of_a_clients_streams_arrives_once(connect: Any, push_live: Any) -> None:
    client = await connect()
    await client.subscribe("all")
    await client.subscribe("trader", LEAD)
    await client.subscribe("symbol", "BTCUSDT")
    await push_live(body(events=[event(amount=7)]))
    await publish(1)
    frames = [await client.message()]
    while frames[-1]["event"] != "told":
        frames.append(await client.message())
    assert [frame["event"] for frame in frames].count("trade:new") == 1
    assert rises(frames)


@pytest.mark.usefixtures("_known")
async def test_nothing_arrives_without_a_subscription(connect: Any, push_live: Any) -> None:
    silent, listening = await connect(), await connect()
    await listening.subscribe("all")
    await push_live(body(events=[event(amount=8)]))
    await listening.message()
    assert await silent.arrived() == []


async def test_after_unsubscribing_nothing_arrives(connect: Any) -> None:
    leaving, staying = await connect(), await connect()
    await leaving.subscribe("all")
    await staying.subscribe("all")
    await publish(1)
    assert numbers([await leaving.message(), await staying.message()]) == [1, 1]
    frame = await leaving.ask("unsubscribe:all")
    assert (frame["event"], frame["data"]["stream"]) == ("ack", "all")
    await publish(2)
    assert numbers([await staying.message()]) == [2]
    assert await leaving.arrived() == []


async def test_subscribing_again_after_unsubscribing_brings_what_is_new(connect: Any) -> None:
    client, other = await connect(), await connect()
    await other.subscribe("all")
    await client.subscribe("all")
    await client.ask("unsubscribe:all")
    await publish(1)
    await other.message()
    await client.subscribe("all")
    await publish(2)
    assert numbers([await client.message()]) == [2]


@pytest.mark.usefixtures("_known")
async def test_an_unknown_leader_or_symbol_is_refused_and_the_connection_stays(connect: Any) -> None:
    client = await connect()
    elsewhere = {"traderId": LEAD, "platform": "elsewhere"}
    for kind, data in (("trader", "99"), ("trader", elsewhere), ("symbol", "NOUSDT")):
        frame = await client.ask(f"subscribe:{kind}", data)
        assert (frame["event"], frame["data"]["code"]) == ("error", "NOT_FOUND"), data
    await client.subscribe("all")


@pytest.mark.parametrize("kind", ["trader", "symbol"])
async def test_data_that_names_nothing_is_refused_and_the_connection_stays(connect: Any, kind: str) -> None:
    client = await connect()
    for data in (None, 5, True, "", [], ["x"], {}, {"traderId": 5, "symbol": 5}, "a\0b"):
        frame = await client.ask(f"subscribe:{kind}", data)
        assert (frame["event"], frame["data"]["code"]) == ("error", "VALIDATION_ERROR"), data
    assert await client.subscribe("all") == 0


async def test_a_platform_that_is_no_text_is_refused(connect: Any) -> None:
    client = await connect()
    frame = await client.ask("subscribe:trader", {"traderId": LEAD, "platform": 7})
    assert frame["data"]["details"]["errors"] == [{"path": "data.platform", "message": "must be a text"}]


async def test_subscribing_twice_is_acknowledged_twice_and_brings_messages_once(connect: Any) -> None:
    client = await connect()
    await client.subscribe("all")
    await client.subscribe("all")
    await publish(1, 2)
    assert numbers(await client.messages(2)) == [1, 2]
    assert await client.arrived() == []


async def test_unsubscribing_from_what_was_never_subscribed_to_is_acknowledged(connect: Any) -> None:
    client = await connect()
    assert (await client.ask("unsubscribe:all"))["event"] == "ack"


@pytest.mark.usefixtures("_known")
async def test_a_client_can_leave_a_leader_who_is_no_longer_public(connect: Any) -> None:
    client = await connect()
    await client.subscribe("trader", LEAD)
    await database_sync_to_async(LeadTrader.objects.update)(status="blocked")
    assert (await client.ask("unsubscribe:trader", LEAD))["event"] == "ack"


@pytest.mark.usefixtures("_known")
async def test_one_stream_too_many_is_refused_and_those_that_are_there_stay(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "MOST_SUBSCRIPTIONS", 1)
    client = await connect()
    await client.subscribe("all")
    frame = await client.ask("subscribe:symbol", "BTCUSDT")
    assert frame["data"]["message"] == "data: 1 streams are the most"
    await client.subscribe("all")
    await publish(1)
    assert numbers([await client.message()]) == [1]
