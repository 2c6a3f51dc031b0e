"""Requests as they come in; heads are read once for all requests that have the same, as those of a client mostly do."""

from functools import lru_cache

import msgspec

CONTROL = "/_control/"
STREAMS = ("/ws", "/stream", "/fstream/", "/dstream/")
LENGTH, KEY, LAST = "\r\ncontent-length:", "\r\nx-mbx-apikey:", "\r\nconnection: close\r\n"


class Head(msgspec.Struct, frozen=True):
    """What a request says before its body; `name` is method and path.

    `query` is neither decoded nor does it begin with a question mark. `length` is that of the body, and `stays_open`
    says whether the connection outlives the request.
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
    """A request; `since` is when it was read, in seconds of the loop."""

    head: Head
    body: str
    since: float = 0.0


@lru_cache(maxsize=20_000)
def read_head(data: bytes) -> Head:
    """Return what stands before a body, given with the end of its last line; ValueError where it is no HTTP.

    Bodies in chunks are unknown here: no client of a venue sends them.
    """
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
