"""Requests to venues tell whether they may have arrived, and never show what they carried."""

import asyncio
import traceback
from collections.abc import Iterator

import pytest
from aiohttp import web

from copytrade.lib import loop
from markets.tests.venues.exchange import House
from markets.venues.http import Answer, NoAnswerError, NotSentError, Transport, UnreadableError
from tests.contract.bench import run

SECRET = "a-key-that-nobody-may-see"


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(5)
    yield made
    run(made.close())


def test_nothing_was_sent_where_nobody_listens(transport: Transport) -> None:
    with pytest.raises(NotSentError):
        run(transport.send("POST", "http://127.0.0.1:1/order"))


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_an_answer_that_does_not_come_says_nothing_of_what_happened(
    transport: Transport, spot: House, kind: str
) -> None:
    spot.exchange.fault(kind)
    with pytest.raises(NoAnswerError):
        run(transport.send("POST", f"{spot.exchange.url}/api/v3/order", body=b"a=1"))


def test_an_answer_that_is_too_late_says_nothing_of_what_happened(spot: House) -> None:
    hasty = Transport(0.05)
    spot.exchange.fault("lag", low=2000, high=2000)
    with pytest.raises(NoAnswerError):
        run(hasty.send("GET", f"{spot.exchange.url}/api/v3/time"))
    run(hasty.close())


def test_a_stream_that_is_refused_does_not_show_its_address(transport: Transport, spot: House) -> None:
    with pytest.raises(NotSentError) as failed:
        run(transport.websocket(f"{spot.exchange.ws_url}/api/v3/time?listenKey={SECRET}"))

    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_a_request_that_fails_does_not_show_its_address(transport: Transport) -> None:
    with pytest.raises(NotSentError) as failed:
        run(transport.send("GET", f"http://127.0.0.1:1/order?signature={SECRET}"))

    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_the_body_of_an_answer_is_not_in_its_repr() -> None:
    answer = Answer(200, {}, SECRET.encode())

    assert SECRET not in repr(answer)
    with pytest.raises(UnreadableError) as failed:
        answer.json()
    assert SECRET not in str(failed.value)


def test_one_session_serves_all_streams_of_a_loop(transport: Transport, spot: House) -> None:
    async def sessions() -> set[int]:
        return {id(transport.session()) for _ in range(3)}

    assert len(run(sessions())) == 1


def test_another_loop_has_a_session_of_its_own(transport: Transport, spot: House) -> None:
    async def ask(carrier: Transport) -> int:
        try:
            return (await carrier.send("GET", f"{spot.exchange.url}/api/v3/time")).status
        finally:
            await carrier.close()

    assert run(ask(transport)) == 200
    assert asyncio.run(ask(transport)) == 200


def test_what_is_open_at_the_end_is_closed(spot: House) -> None:
    left_open = Transport(5)
    run(left_open.send("GET", f"{spot.exchange.url}/api/v3/time"))
    left_open.close_at_exit()

    assert not left_open._pools
    left_open.close_at_exit()
    assert loop.process_loop().is_running()


def test_a_websocket_whose_asker_has_gone_is_let_in_and_closed() -> None:
    """Stopped while connecting, uvloop would leave the socket open: garbage, and a warning, some day."""

    async def ask() -> tuple[int, int]:
        met, gone, hold = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def serve(request: web.Request) -> web.WebSocketResponse:
            met.set()
            await hold.wait()
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for _ in socket:
                pass
            gone.set()
            return socket

        app = web.Application()
        app.router.add_get("/", serve)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        transport = Transport(5)
        asking = asyncio.create_task(transport.websocket(f"ws://127.0.0.1:{runner.addresses[0][1]}/"))
        async with asyncio.timeout(10):
            await met.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            hold.set()
            await gone.wait()
        await transport.close()
        await runner.cleanup()
        return met.is_set(), gone.is_set()

    assert loop.run(ask(), timeout=20) == (True, True)
