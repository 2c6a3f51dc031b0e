"""Requests use connections again only where that is safe, and know whether they may have arrived."""

import asyncio
import socket
import threading

import pytest

from markets.tests.venues.connections_kit import on_both_loops, once, post, then
from markets.tests.venues.raw_venue import ANSWER, Peer, RawVenue, answer, well
from markets.venues import messages
from markets.venues.http import NoAnswerError, Transport

BROKEN = [
    pytest.param([b"SSH-2.0-OpenSSH_9.6\r\n"], id="garbage"),
    pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"], id="a length that is none"),
    pytest.param([b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"], id="another protocol"),
    pytest.param([], id="nothing"),
    pytest.param([b"HTTP/1.1 200 O"], id="half a head"),
    pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"{}"], id="half a body"),
    pytest.param([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n"], id="half the chunks"),
    pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n"], id="only a sign of life"),
    pytest.param([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000], id="a head without end"),
    pytest.param(
        [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n", b"{}"],
        id="not what it is packed as",
    ),
]


@on_both_loops
async def test_a_connection_is_used_again(carrier: Transport) -> None:
    async with RawVenue() as venue:
        for _ in range(3):
            assert await post(carrier, venue) == b"{}"

    assert venue.connections == 1
    assert venue.requests[0] == (
        b"POST /order HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: copytrade\r\nAccept: */*\r\n"
        b"Content-Length: 3\r\n\r\na=1" % venue.port
    )


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"ab", b"cd"], b"abcd", id="in pieces"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", b"2\r\ncd\r\n0\r\nT: 1\r\n\r\n"],
            b"abcd",
            id="in chunks",
        ),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"late")], b"late", id="after a sign of life"),
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], b"", id="without a body"),
        pytest.param([b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"], b"", id="not modified"),
        pytest.param([b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"], b"ok", id="with bare ends of lines"),
    ],
)
@on_both_loops
async def test_answers_come_in_many_ways_and_keep_their_connection(
    carrier: Transport, parts: list[bytes], body: bytes
) -> None:
    async with RawVenue(then(*parts)) as venue:
        assert await post(carrier, venue) == body
        assert await post(carrier, venue) == b"{}"

    assert venue.connections == 1


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\n", b"{", b"}"], id="it ends with the connection"),
        pytest.param([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"], id="it says so"),
        pytest.param([b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"], id="it is old"),
        pytest.param([ANSWER], id="it was closed while idle"),
    ],
)
@on_both_loops
async def test_a_connection_that_ends_is_not_used_again(carrier: Transport, parts: list[bytes]) -> None:
    async with RawVenue(once(*parts), well) as venue:
        for _ in range(3):
            assert await post(carrier, venue) == b"{}"
            if venue.connections == 1:
                await venue.left()

    assert venue.connections == 2
    assert len(venue.requests) == 3


@pytest.mark.parametrize("extra", [ANSWER, b"HTTP/1.1 200 OK\r\n", b"stray"])
@pytest.mark.parametrize("late", [False, True])
@on_both_loops
async def test_what_nobody_asked_for_is_not_taken_for_an_answer(
    carrier: Transport, extra: bytes, *, late: bool
) -> None:
    may_stray = asyncio.Event()

    async def straying(peer: Peer) -> None:
        await peer.request()
        if late:
            await peer.say(answer(b"first"))
            await may_stray.wait()
            await peer.say(extra)
        else:
            await peer.say(answer(b"first") + extra)
        assert await peer.end() == b""

    async with RawVenue(straying, then(answer(b"second"))) as venue:
        assert await post(carrier, venue) == b"first"
        may_stray.set()
        await venue.left()
        assert await post(carrier, venue) == b"second"

    assert venue.connections == 2


@on_both_loops
async def test_what_the_loop_has_not_seen_yet_ends_an_idle_connection_too(carrier: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        may_close = threading.Event()

        def answer_once() -> None:
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(ANSWER)
                may_close.wait(5)

        venue = threading.Thread(target=answer_once)
        venue.start()
        await carrier.send("GET", f"http://127.0.0.1:{listening.getsockname()[1]}/time")
        may_close.set()
        venue.join()  # the loop does nothing meanwhile

        (pool,) = carrier._pools.values()
        assert len(pool._open) == 1
        assert pool.idle() is None


@pytest.mark.parametrize("parts", BROKEN)
@on_both_loops
async def test_what_is_no_answer_says_nothing_of_what_happened(carrier: Transport, parts: list[bytes]) -> None:
    async with RawVenue(once(*parts), well) as venue:
        with pytest.raises(NoAnswerError):
            await post(carrier, venue)
        await venue.left()
        assert await post(carrier, venue) == b"{}"

    assert venue.connections == 2


@on_both_loops
async def test_an_answer_without_end_is_given_up(carrier: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LONGEST_ANSWER", 1_000_000)

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await peer.say(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")

    async with RawVenue(endless) as venue:
        with pytest.raises(NoAnswerError, match="too long"):
            await post(carrier, venue)


@on_both_loops
async def test_an_answer_that_hangs_is_given_up_with_its_connection() -> None:
    async def mute(peer: Peer) -> None:
        await peer.request()
        assert await peer.end() == b""

    hasty = Transport(0.1)
    async with RawVenue(mute, well) as venue:
        with pytest.raises(NoAnswerError, match="in time"):
            await post(hasty, venue)
        assert await post(hasty, venue) == b"{}"
        await hasty.close()

    assert venue.connections == 2


@on_both_loops
async def test_an_answer_may_come_before_the_request_is_read(carrier: Transport) -> None:
    async def impatient(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.Event().wait()

    async with RawVenue(impatient, well) as venue:
        refused = await carrier.send("POST", f"{venue.url}/order", body=b"x" * 30_000_000)
        assert refused.status == 413
        assert await post(carrier, venue) == b"{}"

    assert venue.connections == 2


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@on_both_loops
async def test_nothing_is_sent_twice_where_an_idle_connection_breaks(carrier: Transport, method: str) -> None:
    async def breaking(peer: Peer) -> None:
        await peer.request()
        await peer.say(ANSWER)
        await peer.request()

    async with RawVenue(breaking, well) as venue:
        await carrier.send(method, f"{venue.url}/first")
        with pytest.raises(NoAnswerError):
            await carrier.send(method, f"{venue.url}/second")

    assert sum(b"/second" in asked for asked in venue.requests) == 1


@on_both_loops
async def test_the_head_alone_is_a_whole_answer_to_head(carrier: Transport) -> None:
    async with RawVenue(once(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), well) as venue:
        assert (await carrier.send("HEAD", venue.url)).headers["content-length"] == "5"
        assert (await carrier.send("GET", venue.url)).body == b"{}"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@on_both_loops
async def test_addresses_are_of_both_kinds(carrier: Transport, host: str) -> None:
    async with RawVenue(host=host) as venue:
        assert (await carrier.send("GET", f"{venue.url}?a=1#there")).body == b"{}"

    assert venue.requests[0].startswith(
        b"GET /?a=1 HTTP/1.1\r\nHost: %b\r\n" % venue.url.removeprefix("http://").encode()
    )
