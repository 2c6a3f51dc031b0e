"""The frames of Socket.IO 2 over Engine.IO 3, as far as XTS's sockets use them (pure).

A text frame begins with the digit of its packet: 0 open, 1 close, 2 ping, 3 pong, 4 message; a message with another:
0 connected, 1 disconnected, 2 event, 4 error. An event is a JSON list of its name and what it carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

PING, PONG = "2", "3"
USUAL_PING_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection is open; the client says `PING` so often."""

    ping_seconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; XTS writes what it was as JSON inside a text."""

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """The server ends the connection, or refuses it."""

    reason: str


Frame = Opened | Event | Ended


def read_frame(text: str) -> Frame | None:
    """Return what a frame says, None for those that say nothing; `ValueError` for one that cannot be read."""
    packet, message = text[:1], text[1:2]
    if packet == "0":
        return Opened(_ping_seconds(text[1:]))
    if packet == "1" or (packet == "4" and message in {"1", "4"}):
        return Ended(text[2:][:200])
    if packet == "4" and message == "2":
        return _event(text[2:])
    return None


def event_frame(name: str, data: str) -> str:
    """Return an event as a frame."""
    return f"42{msgspec.json.encode([name, data]).decode()}"


def _event(text: str) -> Event:
    found = _json(text.lstrip("0123456789"))  # the number of an event that wants an answer; XTS wants none
    if not isinstance(found, list) or not found:
        raise ValueError("an event without a name")
    data = found[1] if len(found) > 1 else None
    if isinstance(data, str) and data[:1] in {"{", "["}:
        data = _json(data)
    return Event(str(found[0]), data)


def _ping_seconds(text: str) -> float:
    options = _json(text)
    interval = options.get("pingInterval") if isinstance(options, Mapping) else None
    return float(interval) / 1000 if isinstance(interval, int | float) else USUAL_PING_SECONDS


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError("no JSON inside a frame") from error
