"""The HTTP and WebSocket server around the exchange, and the faults on the way in and out."""

import asyncio
import random

from aiohttp import web

from tests.simulators.exchange.answering import JSON, Answer, Answering, Incoming, refused
from tests.simulators.exchange.control import Control
from tests.simulators.exchange.faults import Rule
from tests.simulators.exchange.limits import pool_of, too_many
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.sockets import Sockets
from tests.simulators.exchange.venue import Venue

HOST = "127.0.0.1"
CONTROL = "/_control/"
STREAMS = ("/ws", "/stream", "/fstream/", "/dstream/")
PATIENT_SECONDS = 3600.0  # how long an idle connection stays open
STOP_SECONDS = 0.5
BLOCKED = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
GARBAGE = b"\x00<!-- upstream connect error or disconnect/reset before headers"
HAPPENS = frozenset({"drop_after", "unknown_503", "timeout_408", "garbage", "stream_early"})
UNKNOWN = Refusal(-1000, "Unknown error, please check your request or try again later.", status=503)
UNAVAILABLE = Refusal(-1000, "Service Unavailable.", status=503)
LIMIT = 2400


class ExchangeServer:
    """One simulator on one port of loopback."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._answering = Answering(venue)
        self._control = Control(venue)
        self._sockets = Sockets(venue)
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> int:
        """Begin to listen; return the port."""
        server = web.Server(self._handle, access_log=None, keepalive_timeout=PATIENT_SECONDS)
        self._runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port, backlog=4096).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Cut all sockets and stop listening."""
        for cut in list(self.venue.sockets):
            cut()
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if path.startswith(CONTROL):
            return _response(self._control.answer(path[len(CONTROL) :], await request.read()))
        if path.startswith(STREAMS):
            return await self._sockets.serve(request, path)
        body = await request.text() if request.can_read_body else ""
        incoming = Incoming(request.method, path, query, body, request.headers.get("X-MBX-APIKEY", ""))
        return await self._serve(request, incoming)

    async def _serve(self, request: web.BaseRequest, incoming: Incoming) -> web.StreamResponse:
        venue = self.venue
        venue.journal.requests[f"{incoming.method} {incoming.path}"] += 1
        if venue.latency[1]:
            await asyncio.sleep(random.uniform(*venue.latency) / 1000)
        lags: list[Rule] = []
        verdict: Rule | None = None
        if venue.faults.rules:
            lags, verdict = venue.faults.for_request(incoming.method, incoming.path, incoming.key)
            await self._pause(lags, "lag")
        answer = self._verdict(incoming, verdict) if verdict else self._answering.answer(incoming)
        await self._pause(lags, "lag_after")
        if verdict and verdict.kind == "stream_early":
            venue.hub.flush()
            await asyncio.sleep(verdict.seconds)
        venue.journal.answers[answer.status if answer else 0] += 1
        if answer is None:
            return self._dropped(request)
        return await self._send(request, _response(answer))

    async def _pause(self, lags: list[Rule], kind: str) -> None:
        for rule in lags:
            if rule.kind == kind:
                await asyncio.sleep(self.venue.faults.pause(rule))

    async def _send(self, request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
        """Answer first, and send events only then, as a venue under no load does."""
        if self.venue.hub.waiting:
            try:
                await response.prepare(request)
                await response.write_eof()
            finally:
                self.venue.hub.flush()
        return response

    def _dropped(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        self.venue.hub.flush()
        return web.Response()

    def _verdict(self, incoming: Incoming, rule: Rule) -> Answer | None:
        """Return the answer of a request that meets a fault, None where the connection breaks."""
        if rule.kind == "ban":
            pool, now = pool_of(self._answering.market_of(incoming)), self.venue.clock.ms()
            self.venue.limits.ban([pool], now, int(rule.seconds * 1000))
        happens = rule.kind in HAPPENS if rule.process is None else rule.process
        answer = self._answering.answer(incoming) if happens or rule.kind == "ban" else None
        match rule.kind:
            case "drop_before" | "drop_after":
                return None
            case "ban" | "stream_early":
                return answer
            case "forbidden_403":
                return Answer(403, BLOCKED, {"Content-Type": "text/html"})
            case "garbage":
                return Answer(200, GARBAGE, dict(JSON))
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


def _response(answer: Answer) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
