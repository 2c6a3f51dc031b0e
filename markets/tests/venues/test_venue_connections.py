"""Requests use connections again only where that is safe, and know whether they may have arrived."""

import asyncio
import contextlib
import gc
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from inspect import Parameter, Signature, signature
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from markets.tests.venues.raw_venue import ANSWER, Peer, RawVenue, Script, answer, well
from markets.venues import http, messages
from markets.venues.http import NoAnswerError, NotSentError, Transport

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]
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


def on_both_loops(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a story on each kind of event loop, and close its carrier there."""
    parameters = list(signature(story).parameters.values())
    kind = Parameter("new_loop", Parameter.POSITIONAL_OR_KEYWORD)

    def test(new_loop: Callable[[], asyncio.AbstractEventLoop], **given: Any) -> None:
        async def whole() -> None:
            async with asyncio.timeout(20):
                await story(**given)
            if "carrier" in given:
                await given["carrier"].close()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(whole())

    test.__signature__ = Signature([kind, *parameters])  # type: ignore[attr-defined]
    test.__name__, test.__module__ = story.__name__, story.__module__
    test.__dict__.update(story.__dict__)
    both: Callable[..., Callable[..., None]] = pytest.mark.parametrize("new_loop", LOOPS)
    return both(test)


@pytest.fixture
def carrier() -> Transport:
    """A transport that the story's loop closes."""
    return Transport(5)


def once(*parts: bytes) -> Script:
    """Say this to the first request, and close the connection."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(*parts)

    return script


def then(*parts: bytes) -> Script:
    """Say this to the first request, and answer all others as well as possible."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(*parts)
        await well(peer)

    return script


async def post(carrier: Transport, venue: RawVenue) -> bytes:
    return (await carrier.send("POST", f"{venue.url}/order", body=b"a=1")).body


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


@on_both_loops
async def test_no_more_than_the_limit_are_open_and_each_waits_its_turn(
    carrier: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CONNECTIONS", 2)
    async with RawVenue() as venue:
        await asyncio.gather(*(carrier.send("GET", f"{venue.url}/{number}") for number in range(20)))

    assert venue.most_open == 2
    order = [int(asked.split()[1][1:]) for asked in venue.requests]
    assert all(abs(number - place) < 2 for place, number in enumerate(order))  # two are on their way at once


@on_both_loops
async def test_whoever_waits_too_long_has_not_sent_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.end()

    monkeypatch.setattr(http, "CONNECTIONS", 1)
    hasty = Transport(0.2)
    async with RawVenue(slow) as venue:
        first, second = await asyncio.gather(post(hasty, venue), post(hasty, venue), return_exceptions=True)
        await hasty.close()

    assert isinstance(first, NoAnswerError)
    assert isinstance(second, NotSentError)
    assert len(venue.requests) == 1


@on_both_loops
async def test_whoever_gives_up_leaves_the_place_to_the_next(
    carrier: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer = asyncio.Event()

    async def waiting(peer: Peer) -> None:
        await peer.request()
        await may_answer.wait()
        await peer.say(ANSWER)
        await well(peer)

    monkeypatch.setattr(http, "CONNECTIONS", 1)
    async with RawVenue(waiting) as venue:
        first, leaving, third = (asyncio.create_task(post(carrier, venue)) for _ in range(3))
        await venue.was_asked.wait()
        leaving.cancel()
        may_answer.set()
        assert [await first, await third] == [b"{}", b"{}"]

    assert (len(venue.requests), venue.connections) == (2, 1)


@on_both_loops
async def test_whoever_gives_up_at_the_moment_of_their_turn_passes_it_on(
    carrier: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CONNECTIONS", 1)
    async with RawVenue() as venue:
        await post(carrier, venue)
        (pool,) = carrier._pools.values()
        connection = pool.idle()
        assert connection
        leaving, staying = (asyncio.create_task(pool.connection(until=pool._loop.time() + 5)) for _ in range(2))
        await asyncio.sleep(0)
        pool.give_back(connection)
        leaving.cancel()
        assert await staying is connection
        pool.give_back(connection)

    assert leaving.cancelled()


@on_both_loops
async def test_a_request_that_is_given_up_takes_its_connection_with_it(
    carrier: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_closed = asyncio.Event()

    async def late(peer: Peer) -> None:
        await peer.request()
        await peer.end()
        was_closed.set()

    monkeypatch.setattr(http, "CONNECTIONS", 1)
    async with RawVenue(late, then(answer(b"second"))) as venue:
        given_up = asyncio.create_task(post(carrier, venue))
        await venue.was_asked.wait()
        given_up.cancel()
        assert await post(carrier, venue) == b"second"
        await was_closed.wait()

    assert given_up.cancelled()


@on_both_loops
async def test_an_attempt_to_connect_serves_the_next_where_the_first_gives_up(carrier: Transport) -> None:
    async with RawVenue() as venue:
        given_up = asyncio.create_task(post(carrier, venue))
        await asyncio.sleep(0)
        given_up.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await given_up
        assert await post(carrier, venue) == b"{}"

    assert len(venue.requests) == 1


@on_both_loops
async def test_idle_connections_are_closed_in_time(carrier: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    was_closed = asyncio.Event()

    async def watching(peer: Peer) -> None:
        await peer.request()
        await peer.say(ANSWER)
        await peer.end()
        was_closed.set()

    monkeypatch.setattr(http, "KEEP_ALIVE_SECONDS", 0.05)
    async with RawVenue(watching) as venue:
        await post(carrier, venue)
        async with asyncio.timeout(5):
            await was_closed.wait()


@on_both_loops
async def test_closing_ends_what_is_under_way(carrier: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    async def mute(peer: Peer) -> None:
        await peer.request()
        await peer.end()

    monkeypatch.setattr(http, "CONNECTIONS", 1)
    async with RawVenue(mute, well) as venue:
        sent, waiting = (asyncio.create_task(post(carrier, venue)) for _ in range(2))
        await venue.was_asked.wait()
        await carrier.close()
        with pytest.raises(NoAnswerError):
            await sent
        with pytest.raises(NotSentError):
            await waiting
        assert await post(carrier, venue) == b"{}"


@pytest.mark.parametrize("rounds", range(8))
@on_both_loops
async def test_closing_leaves_nothing_open_however_far_a_connection_has_come(carrier: Transport, rounds: int) -> None:
    async with RawVenue() as venue:
        sent = [asyncio.create_task(post(carrier, venue)) for _ in range(5)]
        for _ in range(rounds):
            await asyncio.sleep(0)
        await carrier.close()
        for ended in await asyncio.gather(*sent, return_exceptions=True):
            assert ended == b"{}" or isinstance(ended, NoAnswerError | NotSentError)
        if venue.connections:
            await venue.left()
        gc.collect()  # a socket that was lost would warn now


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the loopback address, with its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "venue")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]),
            critical=False,
        )
        .sign(key, SHA256())
    )
    path = tmp_path / "venue.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def shown(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@on_both_loops
async def test_a_venue_that_shows_a_trusted_certificate_is_asked(
    carrier: Transport, certificate: Path, shown: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str | None] = []
    shown.sni_callback = lambda _socket, name, _context: names.append(name)
    monkeypatch.setattr(http, "tls", lambda: ssl.create_default_context(cafile=str(certificate)))
    async with RawVenue(tls=shown) as venue:
        for _ in range(3):
            answered = await carrier.send("GET", f"https://localhost:{venue.port}/time")
            assert answered.json() == {}

    assert venue.connections == 1
    assert names == ["localhost"]


@on_both_loops
async def test_a_venue_whose_certificate_nobody_knows_is_sent_nothing(
    carrier: Transport, shown: ssl.SSLContext
) -> None:
    async with RawVenue(tls=shown) as venue:
        with pytest.raises(NotSentError, match="SSLCertVerificationError"):
            await post(carrier, venue)

    assert venue.requests == []


@on_both_loops
async def test_a_venue_that_never_ends_its_handshake_is_sent_nothing() -> None:
    hasty = Transport(0.2)

    async def mute(peer: Peer) -> None:
        await peer.end()

    async with RawVenue(mute) as venue:
        with pytest.raises(NotSentError):
            await hasty.send("GET", f"https://127.0.0.1:{venue.port}/time")
        await venue.left()  # the attempt ends with its connection
        await hasty.close()
