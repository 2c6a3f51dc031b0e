"""Connections to a venue are few, waited for in line, given up without a trace, and closed in time."""

import asyncio
import contextlib
import gc

import pytest

from markets.tests.venues.connections_kit import on_both_loops, post, then
from markets.tests.venues.raw_venue import ANSWER, Peer, RawVenue, answer, well
from markets.venues import http
from markets.venues.answers import Answer
from markets.venues.connections import Connection
from markets.venues.http import NoAnswerError, NotSentError, Transport


@on_both_loops
async def test_no_more_than_the_limit_are_open_and_each_waits_its_turn(
    carrier: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = asyncio.Barrier(2)

    async def two_at_a_time(peer: Peer) -> None:
        while True:
            await peer.request()
            await both.wait()
            await peer.say(ANSWER)

    monkeypatch.setattr(http, "CONNECTIONS", 2)
    async with RawVenue(two_at_a_time) as venue:
        await asyncio.gather(*(carrier.send("GET", f"{venue.url}/{number}") for number in range(20)))

    assert venue.most_open == 2
    order = [int(asked.split()[1][1:]) for asked in venue.requests]
    assert all(abs(number - place) < 2 for place, number in enumerate(order))  # two are on their way at once


@on_both_loops
async def test_each_request_has_its_own_time() -> None:
    async def dying_away(peer: Peer) -> None:
        await peer.request()
        await peer.say(ANSWER)
        await peer.end()

    hasty, loop = Transport(0.4), asyncio.get_running_loop()
    async with RawVenue(dying_away) as venue:
        assert await post(hasty, venue) == b"{}"
        for _ in range(2):
            await asyncio.sleep(0.1)
            began = loop.time()
            with pytest.raises(NoAnswerError, match="in time"):
                await post(hasty, venue)
            assert 0.39 < loop.time() - began < 1
            assert await post(hasty, venue) == b"{}"
        await hasty.close()


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
async def test_whoever_gives_up_an_answer_that_has_come_takes_nothing_from_the_next(
    carrier: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = Connection._deliver
    asked: list[asyncio.Future[Answer]] = []

    def deliver_and_go_on(connection: Connection, first: Answer) -> None:
        deliver(connection, first)
        given_up.cancel()
        if not asked:
            (pool,) = carrier._pools.values()
            assert pool.idle() is connection
            asked.append(connection.ask("GET", b"GET /next HTTP/1.1\r\n\r\n", until=pool._loop.time() + 5))

    monkeypatch.setattr(Connection, "_deliver", deliver_and_go_on)
    async with RawVenue(then(answer(b"first"))) as venue:
        given_up = asyncio.create_task(post(carrier, venue))
        await asyncio.wait([given_up])
        assert (await asked[0]).body == b"{}"
        assert await post(carrier, venue) == b"{}"

    assert given_up.cancelled()
    assert venue.connections == 1


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
        await carrier.close()  # those that had not begun have opened anew
        if venue.connections:
            await venue.left()
        gc.collect()  # a socket that was lost would warn now
