"""The WebSocket behind the real server, with a real client."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvicorn
from channels.db import database_sync_to_async
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from copytrade.accounts.tokens import tokens_for_user
from copytrade.ops.runtime.network import free_ports
from copytrade.realtime.tests.live import APPLICATION, DEADLINE_SECONDS, publish
from tests.factories import make_user
from tests.payloads import body, event

pytestmark = pytest.mark.django_db(transaction=True)

Open = Callable[..., Awaitable[ClientConnection]]


class RunningServer:
    """The server, in a thread of its own."""

    def __init__(self) -> None:
        [self.port] = free_ports(1)
        options: dict[str, Any] = {"ws": "websockets-sansio", "lifespan": "off", "log_config": None}
        self._server = uvicorn.Server(uvicorn.Config(APPLICATION, host="127.0.0.1", port=self.port, **options))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def stop(self) -> None:
        """End it, with all its connections."""
        self._server.should_exit = True
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """A server for one test."""
    running = RunningServer()
    yield running
    running.stop()


@pytest.fixture
async def open_socket(server: RunningServer) -> AsyncIterator[Open]:
    """Connect, as soon as the server is there; in the end all connections are closed."""
    sockets: list[ClientConnection] = []

    async def open_one(**options: Any) -> ClientConnection:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                try:
                    sockets.append(await connect(f"ws://127.0.0.1:{server.port}/ws/", **options))
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    return sockets[-1]

    yield open_one
    for socket in sockets:
        await socket.close()


@pytest.fixture
async def listen(open_socket: Open) -> Open:
    """Connect and subscribe to everything."""

    async def open_and_subscribe() -> ClientConnection:
        socket = await open_socket()
        await socket.send('{"event": "subscribe:all"}')
        assert (await read(socket))["event"] == "ack"
        return socket

    return open_and_subscribe


async def read(socket: ClientConnection) -> Any:
    """Return the next frame."""
    return json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))


async def test_a_push_arrives_at_clients_of_the_real_server(listen: Open, push_live: Any) -> None:
    sockets = [await listen() for _ in range(3)]
    await push_live(body(events=[event(amount=5)]))
    for socket in sockets:
        frame = await read(socket)
        assert (frame["event"], frame["data"]["amount"]) == ("trade:new", 5)


async def test_a_page_of_another_site_is_refused_with_403(open_socket: Open) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await open_socket(origin="https://evil.example")
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("way", ["subprotocol", "header"])
async def test_a_token_logs_in_and_a_wrong_one_is_told_so(open_socket: Open, way: str) -> None:
    def told(token: str) -> dict[str, Any]:
        if way == "header":
            return {"additional_headers": {"Authorization": f"Bearer {token}"}}
        return {"subprotocols": ["bearer", token]}

    user = await database_sync_to_async(make_user)()
    socket = await open_socket(**told(tokens_for_user(user=user).access))
    assert socket.subprotocol == (None if way == "header" else "bearer")
    await socket.send('{"event": "ping"}')
    assert (await read(socket))["event"] == "ack"

    refused = await open_socket(**told("nonsense"))
    with pytest.raises(ConnectionClosed) as end:
        await read(refused)
    assert end.value.rcvd is not None
    assert (end.value.rcvd.code, "token" in end.value.rcvd.reason) == (3000, True)


async def test_a_client_that_vanishes_harms_nobody(listen: Open) -> None:
    vanishing, staying = await listen(), await listen()
    vanishing.transport.abort()
    for number in range(3):
        await publish(number)
        assert (await read(staying))["data"]["number"] == number


async def test_clients_are_told_when_the_server_ends(server: RunningServer, listen: Open) -> None:
    socket = await listen()
    await asyncio.to_thread(server.stop)
    with pytest.raises(ConnectionClosed) as end:
        await read(socket)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1012
