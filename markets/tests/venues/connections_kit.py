"""Requests to a raw venue, on both kinds of event loop."""

import asyncio
from collections.abc import Callable, Coroutine
from inspect import Parameter, Signature, signature
from typing import Any

import pytest
import uvloop

from markets.tests.venues.raw_venue import Peer, RawVenue, Script, well
from markets.venues.http import Transport

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]


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
