"""The HTTP and WebSocket server around the exchange, and the faults on the way in and out."""

import asyncio
import random
from collections.abc import Iterable, Sequence

from aiohttp import web

from tests.simulators.exchange.answering import Answer, Answering, refused
from tests.simulators.exchange.control import Control
from tests.simulators.exchange.door import Door
from tests.simulators.exchange.faults import Rule
from tests.simulators.exchange.incoming import CONTROL, Incoming
from tests.simulators.exchange.limits import pool_of, too_many
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.sockets import Sockets
from tests.simulators.exchange.venue import Venue
from tests.simulators.exchange.wheel import Wheel

HOST = "127.0.0.1"
PATIENT_SECONDS = 3600.0  # how long an idle connection stays open
STOP_SECONDS = 0.5
TOGETHER = 64  # of so many requests the processor's caches keep what one step hands to the next
BLOCKED = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
GARBAGE = b"\x00<!-- upstream connect error or disconnect/reset before headers"
HAPPENS = frozenset({"drop_after", "unknown_503", "timeout_408", "garbage", "stream_early"})
UNKNOWN = Refusal(-1000, "Unknown error, please check your request or try again later.", status=503)
UNAVAILABLE = Refusal(-1000, "Service Unavailable.", status=503)
LIMIT = 2400
BROKEN = Answer(0)


class ExchangeServer:
    """One simulator on one port of loopback."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._answering = Answering(venue, self._tell)
        self._control = Control(venue)
        self._sockets = Sockets(venue)
        self._doors: set[Door] = set()
        self._ringing: list[Door] = []
        self._lingering: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Begin to listen; return the port."""
        self._loop = asyncio.get_running_loop()
        self._wheel = Wheel(self._loop, self._work)
        self._streams = web.Server(self._stream, access_log=None, keepalive_timeout=PATIENT_SECONDS)
        self._server = await self._loop.create_server(self._door, HOST, port, backlog=4096)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut all sockets and stop listening."""
        self._server.close()
        for cut in [*self.venue.sockets, *(door.cut for door in self._doors)]:
            cut()
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)
        await self._streams.shutdown(STOP_SECONDS)
        await self._server.wait_closed()

    def _door(self) -> Door:
        return Door(self._ring, self._streams, self._doors)

    def _ring(self, door: Door) -> None:
        """Let a door wait for all others that ring now: together they are answered faster."""
        if not self._ringing:
            self._loop.call_soon(self._open_doors)
        self._ringing.append(door)

    def _open_doors(self) -> None:
        """Take what has come, and answer it when the venue's latency has passed; those who rang late come next."""
        ringing, self._ringing = self._ringing[:TOGETHER], self._ringing[TOGETHER:]
        if self._ringing:
            self._loop.call_soon(self._open_doors)
        now = self._loop.time()
        taken = [incoming for door in ringing if (incoming := self._take(door, now))]
        latency = self.venue.latency
        if not latency[1]:
            self._work(taken)
            return
        for incoming in taken:
            self._wheel.add(random.uniform(*latency) / 1000, incoming)

    def _take(self, door: Door, now: float) -> Incoming | None:
        """Return a request that is to be answered; a command is carried out at once."""
        try:
            incoming = door.take(now)
            if incoming and incoming.head.is_control:
                door.reply(self._control.answer(incoming.head.path[len(CONTROL) :], incoming.body.encode()))
                return None
        except Exception as mistake:  # noqa: BLE001 - the others are to go on
            self._tell(mistake)
            door.cut()
            return None
        if incoming:
            self.venue.journal.requests[incoming.head.name] += 1
        return incoming

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._sockets.serve(request, request.raw_path.partition("?")[0])
        response.force_close()  # what comes after it would be no business of aiohttp's
        return response

    def _work(self, arrived: list[Incoming]) -> None:
        """Answer requests that are due; one after the other where something may go wrong."""
        if self.venue.faults.rules:
            for incoming in arrived:
                self._disturb(incoming)
            return
        self._reply(zip(arrived, self._answering.answers(arrived), strict=True))

    def _disturb(self, incoming: Incoming) -> None:
        """Answer a request that may meet faults."""
        head = incoming.head
        lags, verdict = self.venue.faults.for_request(head.method, head.path, incoming.key)
        if lags or (verdict and verdict.kind == "stream_early"):
            task = self._loop.create_task(self._linger(incoming, lags, verdict))
            self._lingering.add(task)
            task.add_done_callback(self._lingering.discard)
        else:
            self._reply([(incoming, self._answer(incoming, verdict))])

    def _answer(self, incoming: Incoming, verdict: Rule | None) -> Answer:
        return self._verdict(incoming, verdict) if verdict else self._answering.answers([incoming])[0]

    def _tell(self, mistake: Exception) -> None:
        self._loop.call_exception_handler({"message": "the simulator made a mistake", "exception": mistake})

    async def _linger(self, incoming: Incoming, lags: Sequence[Rule], verdict: Rule | None) -> None:
        """Answer a request whose faults take time."""
        await self._pause(lags, "lag")
        answer = self._answer(incoming, verdict)
        await self._pause(lags, "lag_after")
        if verdict and verdict.kind == "stream_early":
            self.venue.hub.flush()
            await asyncio.sleep(verdict.seconds)
        self._reply([(incoming, answer)])

    def _reply(self, answered: Iterable[tuple[Incoming, Answer]]) -> None:
        """Answer first, and send events only then, as a venue under no load does."""
        journal, now = self.venue.journal, self._loop.time()
        for incoming, answer in answered:
            journal.answers[answer.status] += 1
            incoming.door.reply(answer)
            if incoming.head.method == "POST":
                journal.seconds.append(now - incoming.since)
        self.venue.hub.flush()

    async def _pause(self, lags: Sequence[Rule], kind: str) -> None:
        for rule in lags:
            if rule.kind == kind:
                await asyncio.sleep(self.venue.faults.pause(rule))

    def _verdict(self, incoming: Incoming, rule: Rule) -> Answer:
        """Return the answer of a request that meets a fault."""
        if rule.kind == "ban":
            pool, now = pool_of(self._answering.market_of(incoming.head)), self.venue.clock.ms()
            self.venue.limits.ban([pool], now, int(rule.seconds * 1000))
        happens = rule.kind in HAPPENS if rule.process is None else rule.process
        answer = self._answer(incoming, None) if happens or rule.kind == "ban" else BROKEN
        match rule.kind:
            case "drop_before" | "drop_after":
                return BROKEN
            case "ban" | "stream_early":
                return answer
            case "forbidden_403":
                return Answer(403, BLOCKED, "Content-Type: text/html\r\n")
            case "garbage":
                return Answer(200, GARBAGE)
            case _:
                return refused(_refusal(rule))


def _refusal(rule: Rule) -> Refusal:
    match rule.kind:
        case "unknown_503":
            return UNKNOWN
        case "unavailable_503":
            return UNAVAILABLE
        case "throttled_503":
            return Refusal(-1008, status=503)
        case "timeout_408":
            return Refusal(-1007, status=408)
        case "rate_limit":
            refusal = too_many(LIMIT, int(rule.seconds * 1000))
            return refusal if rule.retry_after else Refusal(refusal.code, refusal.message, status=refusal.status)
        case _:
            return Refusal(rule.code, rule.message, status=rule.status)
