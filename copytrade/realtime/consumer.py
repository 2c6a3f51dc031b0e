"""The one WebSocket: requests in, acknowledgements and stream messages out."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.errors import ApplicationError, InvalidInput, MalformedJson, ServiceUnavailable
from copytrade.lib.structs import describe
from copytrade.realtime.frames import ack_frame, error_frame, resync_frame, stream_frame
from copytrade.realtime.hub import Hub
from copytrade.realtime.outbox import Outbox
from copytrade.realtime.registry import known_events, request_answer, stream_resolver
from copytrade.realtime.selectors import PlacedMessage, messages_after, reaches_back_to

MOST_SUBSCRIPTIONS = 500
LONGEST_REPLAY = 20_000
TRY_AGAIN_LATER = 1013


class Request(msgspec.Struct):
    """What a client sends. `id` comes back with the answer."""

    event: str
    data: Any = None
    id: str | int | float | None = None


class Replay:
    """What a client has to be told again: for each stream, the messages between `after` and its subscription."""

    def __init__(self) -> None:
        self.after: int | None = None
        self.live_from: dict[str, int] = {}
        self.done: set[str] = set()

    def begin(self, after: int | None) -> None:
        """Replay from here on; None ends replaying."""
        self.after, self.done = after, set()

    def waiting(self) -> set[str]:
        """Return the streams that were not replayed yet."""
        return self.live_from.keys() - self.done

    def forget(self, stream: str) -> bool:
        """Return whether the stream was subscribed to, which it is no more."""
        self.done.discard(stream)
        return self.live_from.pop(stream, None) is not None

    def was_missed(self, message: PlacedMessage, streams: set[str]) -> bool:
        """Return whether none of the client's streams brought the message, live or by an earlier replay."""
        mine = [stream for stream in message.streams if stream in self.live_from]
        brought = any(self.live_from[stream] < message.seq or stream in self.done for stream in mine)
        return bool(streams.intersection(mine)) and not brought


def read_request(text: str | None) -> Request:
    """Return what a frame asks for; raises `InvalidInput` or `MalformedJson`."""
    if text is None:
        raise MalformedJson("Send text frames, not binary ones.")
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidInput([{"path": "", "message": describe(error)}]) from error
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise MalformedJson(f"The frame is not JSON: {error}") from error


_decoder = msgspec.json.Decoder(Request)


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # the package has no types
    """One client. Messages wait in its outbox, so that a slow client delays nobody."""

    async def connect(self) -> None:
        """Accept the client and start sending."""
        self.hub = Hub.current()
        self.outbox = Outbox(lambda: resync_frame("This client reads too slowly.", self.hub.position))
        self.replay = Replay()
        self.held: list[tuple[str, PlacedMessage]] | None = None
        self.sender: asyncio.Task[None] | None = None
        try:
            await self.hub.join(self)
        except DATABASE_AWAY:
            await self.accept()
            await self.close(code=TRY_AGAIN_LATER)
            return
        await self.accept()
        self.sender = asyncio.create_task(self._send_all())

    async def disconnect(self, code: int) -> None:
        """Forget the client."""
        await self.hub.leave(self)
        if self.sender:
            self.sender.cancel()
            await asyncio.gather(self.sender, return_exceptions=True)

    def deliver(self, frame: str, message: PlacedMessage) -> None:
        """Take one message from the hub; while older ones are replayed, it waits behind them."""
        if self.held is None:
            self.outbox.put(frame, replaces=message.replaces)
        else:
            self.held.append((frame, message))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer one request with `ack` or `error` under its own id."""
        identifier = None
        try:
            request = read_request(text_data)
            identifier = request.id
            await self._answer(request)
        except ApplicationError as error:
            self.outbox.put(error_frame(identifier, error))
        except DATABASE_AWAY:
            away = ServiceUnavailable("The database does not answer right now; try again.")
            self.outbox.put(error_frame(identifier, away))

    async def _answer(self, request: Request) -> None:
        verb, _, kind = request.event.partition(":")
        resolve, answer = stream_resolver(kind), request_answer(request.event)
        if verb in {"subscribe", "unsubscribe"} and resolve is not None:
            stream = await database_sync_to_async(resolve)(self.scope["user"], request.data)
            await (self._subscribe if verb == "subscribe" else self._unsubscribe)(request, stream)
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
        if len(self.replay.live_from) >= MOST_SUBSCRIPTIONS:
            raise InvalidInput([{"path": "data", "message": f"{MOST_SUBSCRIPTIONS} streams are the most"}])
        if stream not in self.replay.live_from:
            self.replay.live_from[stream] = self.hub.position
            self.hub.subscribe(stream, self)
        self._ack(request, {"stream": stream, "seq": self.hub.position})
        await self._replay_missed()

    async def _unsubscribe(self, request: Request, stream: str) -> None:
        if self.replay.forget(stream):
            self.hub.unsubscribe(stream, self)
        self._ack(request, {"stream": stream, "seq": self.hub.position})

    async def _resume(self, request: Request) -> None:
        after = request.data.get("after") if isinstance(request.data, dict) else None
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**63:
            raise InvalidInput([{"path": "data.after", "message": "write the seq of the last message you have"}])
        too_far = self.hub.position - after > LONGEST_REPLAY
        resync = too_far or not await database_sync_to_async(reaches_back_to)(after)
        self.replay.begin(None if resync else after)
        self._ack(request, {"after": after, "resync": resync, "seq": self.hub.position})
        if resync:
            self.outbox.put(resync_frame("What was missed is no longer stored here.", self.hub.position))
        await self._replay_missed()

    async def _replay_missed(self) -> None:
        """Send what the streams carried between the client's last message and its subscription, then go on live."""
        streams = self.replay.waiting()
        if self.replay.after is None or not streams:
            return
        self.held = []
        try:
            seq, until = self.replay.after, max(self.replay.live_from[stream] for stream in streams)
            while seq < until:
                messages = await database_sync_to_async(messages_after)(seq)
                for message in messages:
                    if self.replay.was_missed(message, streams):
                        self.outbox.put(stream_frame(message))
                seq = messages[-1].seq if messages else until
                await self.outbox.has_room()
        finally:
            self.replay.done |= streams
            held, self.held = self.held, None
            for frame, message in held:
                self.deliver(frame, message)

    def _ack(self, request: Request, data: Mapping[str, Any]) -> None:
        self.outbox.put(ack_frame(request.id, request.event, data))

    async def _send_all(self) -> None:
        while True:
            await self.send(text_data=await self.outbox.take())
