"""The one WebSocket: requests in, acknowledgements and stream messages out."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from copytrade.accounts.sessions import session_bearer
from copytrade.accounts.tokens import Bearer, bearer_of, bearer_token
from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput, LoginRefused, ServiceUnavailable
from copytrade.realtime.budget import RequestBudget
from copytrade.realtime.coverage import Coverage
from copytrade.realtime.frames import ack_frame, error_frame, resync_frame, stream_frame
from copytrade.realtime.hub import Hub
from copytrade.realtime.messages import private_stream
from copytrade.realtime.outbox import Outbox
from copytrade.realtime.registry import known_events, request_answer, stream_of
from copytrade.realtime.requests import Request, read_identifier, read_request
from copytrade.realtime.selectors import PlacedMessage, messages_after, reaches_back_to

logger = logging.getLogger(__name__)

MOST_SUBSCRIPTIONS = 500
MOST_ANONYMOUS_REQUESTS = 1_000  # a minute and connection
LONGEST_REPLAY = 200_000
LOGIN_CHECK_SECONDS = 30.0  # a new password, logging out and staff end logins from elsewhere
TRY_AGAIN_LATER = 1013
UNAUTHORIZED = 3000
BEARER = "bearer"  # the subprotocol after which a token follows: a browser can set no other header


class Unexpected(ApplicationError):
    """A fault of ours."""

    code = ErrorCode.INTERNAL_ERROR
    status = 500


class TooManyRequests(ApplicationError):
    """An anonymous client asks too often."""

    code = ErrorCode.THROTTLED
    status = 429


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # the package has no types
    """One client. Messages wait in its outbox, so that a slow client delays nobody."""

    channel_layer_alias = None  # the hub listens to Redis for all clients; they connect without it

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub.current()
        self.coverage = Coverage()
        self.outbox = Outbox(self._fall_behind)
        self.sender: asyncio.Task[None] | None = None
        self.login_end: asyncio.Task[None] | None = None
        self.budget = RequestBudget(MOST_ANONYMOUS_REQUESTS)
        self.replayed_until: float = 0  # messages up to this number do not come live

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the client; however that ends, nothing of it is left."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await _stop(self.sender, self.login_end)
            await self.hub.leave(self)

    async def connect(self) -> None:
        """Accept the client, see who it is and start sending. One whose token is no good is accepted to be told so."""
        await self.accept(subprotocol=BEARER if BEARER in self.scope["subprotocols"] else None)
        try:
            token = self._token()
            if token is not None:
                await self._log_in(partial(bearer_of, token))
            elif self.scope["user"].is_authenticated:
                await self._log_in(partial(session_bearer, self.scope["session"].session_key))
            self.sender = asyncio.create_task(self._send_all())
            await self.hub.join(self)
            self._hear_own()
        except LoginRefused as error:
            await self.close(code=UNAUTHORIZED, reason=error.message)
        except DATABASE_AWAY:
            await self._turn_away(TRY_AGAIN_LATER)

    def _hear_own(self) -> None:
        """From now on, bring a user who is logged in what concerns them alone: nobody can ask for that stream."""
        if self.scope["user"].is_authenticated:
            stream = private_stream(self.scope["user"].pk)
            self.coverage.add(stream, self.hub.position)
            self.hub.subscribe(stream, self)

    def deliver(self, frame: str, message: PlacedMessage) -> None:
        """Take one message from the hub, unless it comes by a replay."""
        if message.seq > self.replayed_until:
            self.outbox.put(frame, replaces=message.replaces)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer one request with `ack` or `error` under its own id."""
        try:
            self._spend_budget()
            await self._answer(read_request(text_data))
        except ApplicationError as error:
            self._refuse(text_data, error)
        except DATABASE_AWAY:
            self._refuse(text_data, ServiceUnavailable("The database does not answer right now; try again."))
        except Exception:
            logger.exception("A request over the WebSocket failed.")
            self._refuse(text_data, Unexpected("Something went wrong here."))

    def _spend_budget(self) -> None:
        wait = 0.0 if self.scope["user"].is_authenticated else self.budget.spend(time.monotonic())
        if wait:
            raise TooManyRequests("Too many requests: wait, or log in.", retry_after_seconds=math.ceil(wait))

    async def _answer(self, request: Request) -> None:
        verb, _, kind = request.event.partition(":")
        stream, answer = stream_of(kind), request_answer(request.event)
        if verb == "subscribe" and stream is not None:
            await database_sync_to_async(stream.check)(self.scope["user"], request.data)
            await self._subscribe(request, stream.name(request.data))
        elif verb == "unsubscribe" and stream is not None:
            await self._unsubscribe(request, stream.name(request.data))
        elif answer is not None:
            self._ack(request, await database_sync_to_async(answer)(self.scope["user"], request.data))
        elif request.event == "resume":
            await self._resume(request)
        elif request.event == "ping":
            self._ack(request, {"seq": self.hub.position})
        else:
            known = ", ".join(known_events())
            raise InvalidInput([{"path": "event", "message": f"is not one of {known}"}])

    async def _subscribe(self, request: Request, stream: str) -> None:
        if stream not in self.coverage.since and len(self.coverage.since) >= MOST_SUBSCRIPTIONS:
            raise InvalidInput([{"path": "data", "message": f"{MOST_SUBSCRIPTIONS} streams are the most"}])
        self.coverage.add(stream, self.hub.position)
        self.hub.subscribe(stream, self)
        self._ack(request, {"stream": stream, "seq": self.hub.position})
        await self._replay_missed()

    async def _unsubscribe(self, request: Request, stream: str) -> None:
        if self.coverage.drop(stream):
            self.hub.unsubscribe(stream, self)
        self._ack(request, {"stream": stream, "seq": self.hub.position})

    async def _resume(self, request: Request) -> None:
        after = request.data.get("after") if isinstance(request.data, dict) else None
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**63:
            raise InvalidInput([{"path": "data.after", "message": "write the seq of the last message you have"}])
        too_far = self.hub.position - after > LONGEST_REPLAY
        resync = too_far or not await database_sync_to_async(reaches_back_to)(after)
        self.coverage.resume(None if resync else after)
        self._ack(request, {"after": after, "resync": resync, "seq": self.hub.position})
        if resync:
            self.outbox.put(resync_frame("What was missed is no longer stored here.", self.hub.position))
        else:
            self.replayed_until = max(self.replayed_until, after)  # another process may be ahead of this one
            await self._replay_missed()

    async def _replay_missed(self) -> None:
        """Send what the client misses in the order of all messages; meanwhile new ones come this way too."""
        seq = self.coverage.gap_begins()
        if seq is None:
            return
        live_until, self.replayed_until = self.hub.position, math.inf
        try:
            while seq < self.hub.position and not self.outbox.closed:
                messages = await database_sync_to_async(messages_after)(seq)
                for message in messages:
                    if self.coverage.lacks(message) or (message.seq > live_until and self.coverage.carries(message)):
                        await self.outbox.has_room()
                        self.outbox.put(stream_frame(message))
                seq = messages[-1].seq if messages else self.hub.position
        except DATABASE_AWAY:
            await self._turn_away(TRY_AGAIN_LATER)
            return
        self.replayed_until = seq
        self.coverage.fill()

    def _fall_behind(self) -> str:
        self.coverage.begin_again(self.hub.position)
        return resync_frame("This client reads too slowly.", self.hub.position)

    def _ack(self, request: Request, data: Mapping[str, Any]) -> None:
        self.outbox.put(ack_frame(request.id, request.event, data))

    def _refuse(self, text: str | None, error: ApplicationError) -> None:
        self.outbox.put(error_frame(read_identifier(text), error))

    async def _send_all(self) -> None:
        try:
            while True:
                await self.send(text_data=await self.outbox.take())
        finally:
            self.outbox.close()

    def _token(self) -> str | None:
        """Return the client's token, which may be no good: the one beside `bearer`, else the header's; or None."""
        offered = self.scope["subprotocols"]
        if BEARER in offered:
            return next((protocol for protocol in offered if protocol != BEARER), "")
        header = dict(self.scope["headers"]).get(b"authorization")
        return None if header is None else bearer_token(header)

    async def _log_in(self, whose: Callable[[], Bearer]) -> None:
        """Serve whose login it is from now on, until that ends; raises `LoginRefused`."""
        login = await database_sync_to_async(whose)()
        self.scope["user"] = login.user
        self.login_end = asyncio.create_task(self._log_out_after(login, whose))

    async def _log_out_after(self, login: Bearer, whose: Callable[[], Bearer]) -> None:
        try:
            while (left := (login.expires_at - datetime.now(UTC)).total_seconds()) > 0:
                await asyncio.sleep(min(left, LOGIN_CHECK_SECONDS))
                login = await self._login_now(login, whose)
            await self._turn_away(UNAUTHORIZED, "The login has expired: come again with a new one.")
        except LoginRefused as error:
            await self._turn_away(UNAUTHORIZED, error.message)

    async def _login_now(self, before: Bearer, whose: Callable[[], Bearer]) -> Bearer:
        try:
            login: Bearer = await database_sync_to_async(whose)()
        except DATABASE_AWAY:
            return before
        return login

    async def _turn_away(self, code: int, reason: str = "") -> None:
        """Close: the client comes again and resumes."""
        await _stop(self.sender)
        await self.close(code=code, reason=reason)


async def _stop(*tasks: "asyncio.Task[None] | None") -> None:
    """Cancel the tasks that there are, and wait for their ends."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
