"""Who listens to the events of an account, and what happens to events on their way."""

import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tests.simulators.exchange.events import Event
from tests.simulators.exchange.faults import Faults
from tests.simulators.exchange.kinds import Clock, Market
from tests.simulators.exchange.refusals import Refusal

LISTEN_KEY_MS = 60 * 60 * 1000

Place = tuple[Market, str]


@dataclass(slots=True, eq=False)
class Subscription:
    """One listener. Events are wrapped with a `number` as the spot WebSocket API does, with a `stream` as combined."""

    send: Callable[[bytes], None]
    number: int | None = None
    listen_key: str = ""
    stream: str = ""


@dataclass(slots=True)
class ListenKey:
    """A key to the stream of one account, valid until `expires` (milliseconds)."""

    text: str
    place: Place
    expires: int


class Hub:
    """Events wait in `pending` until `flush`, which is called once the request that caused them is answered.

    `listeners` is empty as long as nobody has ever listened.
    """

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self.listeners: defaultdict[Place, list[Subscription]] = defaultdict(list)
        self.pending: list[tuple[Place, Event]] = []
        self._withheld: list[tuple[Place, Event]] = []
        self._keys: dict[str, ListenKey] = {}

    def listens(self, place: Place) -> bool:
        """Return whether anybody would hear an event."""
        return bool(self.listeners.get(place))

    def add(self, place: Place, event: Event) -> None:
        """Let an event wait for the next flush."""
        self.pending.append((place, event))

    def flush(self) -> None:
        """Send what waits, with the faults that are set for events."""
        if not self.pending:
            return
        batch, self.pending = self.pending, []
        if self._faults.rules:
            batch = self._disturbed(batch)
        for place, event in batch:
            self._send(place, event)

    def release(self) -> int:
        """Send what was withheld; return how many events that were."""
        batch, self._withheld = self._withheld, []
        for place, event in batch:
            self._send(place, event)
        return len(batch)

    def subscribe(self, place: Place, subscription: Subscription) -> None:
        """Begin to tell a listener."""
        self.listeners[place].append(subscription)

    def unsubscribe(self, place: Place, subscription: Subscription) -> None:
        """Stop telling a listener."""
        if subscription in self.listeners[place]:
            self.listeners[place].remove(subscription)

    def open_key(self, place: Place) -> str:
        """Return the listen key of an account, the same as before while it is valid."""
        now = self._clock.ms()
        for known in self._keys.values():
            if known.place == place and known.expires > now:
                known.expires = now + LISTEN_KEY_MS
                return known.text
        text = secrets.token_hex(32)
        self._keys[text] = ListenKey(text, place, now + LISTEN_KEY_MS)
        return text

    def extend_key(self, place: Place) -> str:
        """Make the listen key of an account last longer (-1125 without one)."""
        if not any(key.place == place and key.expires > self._clock.ms() for key in self._keys.values()):
            raise Refusal(-1125)
        return self.open_key(place)

    def close_key(self, place: Place) -> None:
        """Forget the listen key of an account; its sockets hear no more."""
        for text in [key.text for key in self._keys.values() if key.place == place]:
            self._drop(text)

    def expire_keys(self, key: str = "") -> int:
        """Let the listen keys of one API key or of all expire, and tell so; return how many there were."""
        victims = [known for known in self._keys.values() if key in {"", known.place[1]}]
        now = self._clock.ms()
        for known in victims:
            self._send(known.place, {"e": "listenKeyExpired", "E": now, "listenKey": known.text})
            self._drop(known.text)
        return len(victims)

    def place_of(self, listen_key: str) -> Place | None:
        """Return whose stream a key opens, None where it is not valid."""
        known = self._keys.get(listen_key)
        return known.place if known and known.expires > self._clock.ms() else None

    def clear(self) -> None:
        """Forget events and keys; the sockets stay."""
        self.pending.clear()
        self._withheld.clear()
        self._keys.clear()

    def _drop(self, text: str) -> None:
        known = self._keys.pop(text)
        listeners = self.listeners[known.place]
        listeners[:] = [listener for listener in listeners if listener.listen_key != text]

    def _disturbed(self, batch: list[tuple[Place, Event]]) -> list[tuple[Place, Event]]:
        result: list[tuple[Place, Event]] = []
        for place, event in batch:
            name = event["e"]
            if self._faults.for_event("stream_withhold", place[1], name):
                self._withheld.append((place, event))
                continue
            result.append((place, event))
            if self._faults.for_event("stream_duplicate", place[1], name):
                result.append((place, event))
        if len(result) > 1 and self._faults.for_event("stream_reorder", result[0][0][1], result[0][1]["e"]):
            result.reverse()
        return result

    def _send(self, place: Place, event: Event) -> None:
        for listener in list(self.listeners.get(place, ())):
            if listener.number is not None:
                message: Event = {"subscriptionId": listener.number, "event": event}
            elif listener.stream:
                message = {"stream": listener.stream, "data": event}
            else:
                message = event
            listener.send(msgspec.json.encode(message))
