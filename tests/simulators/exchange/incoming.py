"""Requests as they come in; heads that differ by the key alone, as those of a client mostly do, are read once."""

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from tests.simulators.exchange.door import Door

CONTROL = "/_control/"
STREAMS = ("/ws", "/stream", "/fstream/", "/dstream/")
LENGTH, KEY, LAST = "\r\ncontent-length:", "\r\nx-mbx-apikey:", "\r\nconnection: close\r\n"
USUAL_KEY = b"\r\nX-MBX-APIKEY:"


class Head(msgspec.Struct, frozen=True):
    """What a request says before its body; `name` is method and path.

    `query` is neither decoded nor does it begin with a question mark. `key` is empty where its header is spelled as
    usual, `length` is that of the body, and `stays_open` says whether the connection outlives the request.
    """

    method: str
    path: str
    name: str
    query: str
    key: str
    length: int
    stays_open: bool
    is_control: bool
    is_stream: bool


class Incoming(msgspec.Struct):
    """A request that came through a door; `since` is when it was read, in seconds of the loop."""

    head: Head
    key: str
    body: str
    door: "Door"
    since: float


def read_head(data: bytes) -> tuple[Head, str]:
    """Return what stands before a body, and the API key; ValueError where it is no HTTP.

    Bodies in chunks are unknown here: no client of a venue sends them.
    """
    found = data.find(USUAL_KEY)
    if found < 0:
        head = _read(data)
        return head, head.key
    begin = found + len(USUAL_KEY)
    end = data.find(b"\r\n", begin)
    return _read(data[:begin] + data[end:]), data[begin:end].decode("latin-1").strip()


@lru_cache(maxsize=10_000)
def _read(data: bytes) -> Head:
    head = data.decode("latin-1")
    lowered = head.lower()
    method, target, _ = head[: head.find("\r\n")].split(" ")
    path, _, query = target.partition("?")
    return Head(
        method,
        path,
        f"{method} {path}",
        query,
        _field(head, lowered, KEY),
        int(_field(head, lowered, LENGTH) or 0),
        LAST not in lowered,
        path.startswith(CONTROL),
        path.startswith(STREAMS),
    )


def _field(head: str, lowered: str, name: str) -> str:
    at = lowered.find(name)
    return "" if at < 0 else head[at + len(name) : head.find("\r\n", at + len(name))].strip()
