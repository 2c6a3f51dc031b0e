"""What clients send, and that each frame is answered under its own id."""

from typing import Any

import pytest
from channels.db import database_sync_to_async

from copytrade.realtime import registry
from copytrade.realtime.requests import read_identifier
from copytrade.realtime.tests.live import numbers, publish
from tests.factories import make_freshness, make_leader, make_position

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_ping_is_answered_with_the_present_number(connect: Any) -> None:
    client = await connect()
    assert (await client.ask("ping"))["data"] == {"event": "ping", "seq": 0}
    await client.subscribe("all")
    await publish(1, 2)
    await client.messages(2)
    assert (await client.ask("ping"))["data"]["seq"] == 2


async def test_an_acknowledgement_carries_the_id_that_was_sent(connect: Any) -> None:
    client = await connect()
    for text, identifier in (
        ('{"event": "ping", "id": "a-1"}', "a-1"),
        ('{"id": 7, "event": "ping", "data": {"more": [1, 2]}}', 7),
        ('{"event": "ping", "id": 1.5}', 1.5),
        ('{"event": "ping", "id": null}', None),
        ('{"event": "ping"}', None),
    ):
        await client.send(text)
        frame = await client.answer()
        assert (frame["event"], frame["id"], frame["data"]["event"]) == ("ack", identifier, "ping")


async def test_the_present_state_of_a_leader_is_sent_on_request(connect: Any) -> None:
    client = await connect()
    leader = await database_sync_to_async(make_leader)(nickname="Ada")
    await database_sync_to_async(make_position)(leader, symbol="ETHUSDT")
    await database_sync_to_async(make_freshness)(leader)
    data = (await client.ask("request:sync", {"traderId": leader.external_id}))["data"]
    assert data["event"] == "request:sync"
    assert (data["trader"]["leadId"], data["trader"]["nickname"]) == (leader.external_id, "Ada")
    assert [position["symbol"] for position in data["positions"]] == ["ETHUSDT"]
    assert data["meta"]["positionCount"] == 1


async def test_a_frame_that_is_no_request_is_refused_and_the_connection_stays(connect: Any) -> None:
    client = await connect()
    for text, code in (
        ("", "MALFORMED_JSON"),
        ("{", "MALFORMED_JSON"),
        ("nonsense", "MALFORMED_JSON"),
        ('{"event": "ping"} more', "MALFORMED_JSON"),
        ('{"event": "\ud800"}', "MALFORMED_JSON"),
        ('{"event": "ping", "data": NaN}', "MALFORMED_JSON"),
        ('{"event": "ping", "data": ' + "[" * 5000, "MALFORMED_JSON"),
        ("[]", "VALIDATION_ERROR"),
        ('"ping"', "VALIDATION_ERROR"),
        ("null", "VALIDATION_ERROR"),
        ("{}", "VALIDATION_ERROR"),
        ('{"event": 5}', "VALIDATION_ERROR"),
        ('{"event": "ping", "id": {}}', "VALIDATION_ERROR"),
        ('{"event": "ping", "id": true}', "VALIDATION_ERROR"),
    ):
        await client.send(text)
        frame = await client.answer()
        assert (frame["event"], frame["id"], frame["data"]["code"]) == ("error", None, code), text
    assert (await client.ask("ping"))["event"] == "ack"


async def test_a_binary_frame_is_refused_and_the_connection_stays(connect: Any) -> None:
    client = await connect()
    await client.send_bytes(b'{"event": "ping"}')
    frame = await client.answer()
    assert frame["data"] == {
        "code": "MALFORMED_JSON",
        "message": "Send text frames, not binary ones.",
        "details": {},
    }
    assert (await client.ask("ping"))["event"] == "ack"


async def test_an_unknown_event_is_refused_with_those_that_are_known(connect: Any) -> None:
    client = await connect()
    for event in ("", "subscribe", "subscribe:", "subscribe:nothing", "resubscribe:all", "Ping"):
        frame = await client.ask(event)
        assert (frame["event"], frame["data"]["code"]) == ("error", "VALIDATION_ERROR")
        assert "ping, request:sync, resume, subscribe:all" in frame["data"]["message"]


async def test_a_refusal_carries_the_id_even_where_the_rest_is_wrong(connect: Any) -> None:
    client = await connect()
    for text in (
        '{"event": 5, "id": "b-2"}',
        '{"id": "b-2"}',
        '{"event": "none", "id": "b-2"}',
        '{"id": "b-2", "data": 1}',
    ):
        await client.send(text)
        frame = await client.answer()
        assert (frame["event"], frame["id"]) == ("error", "b-2")


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"id": []}', "\ud800"])
def test_where_no_id_can_be_read_there_is_none(text: str | None) -> None:
    assert read_identifier(text) is None


async def test_many_requests_at_once_are_answered_in_their_order(connect: Any) -> None:
    client = await connect()
    for number in range(100):
        await client.send(f'{{"event": "ping", "id": {number}}}')
    assert [(await client.answer())["id"] for _ in range(100)] == list(range(100))


async def test_a_fault_of_ours_is_an_error_without_internals_and_the_connection_stays(
    connect: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(caller: Any, data: Any) -> Any:
        raise LookupError("the secret of the house")

    monkeypatch.setitem(registry._requests, "request:sync", fail)
    client = await connect()
    frame = await client.ask("request:sync")
    assert frame["data"] == {"code": "INTERNAL_ERROR", "message": "Something went wrong here.", "details": {}}
    assert "the secret of the house" in caplog.text
    await client.subscribe("all")
    await publish(1)
    assert numbers([await client.message()]) == [1]
