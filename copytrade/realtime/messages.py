"""A message to listeners."""

from typing import Any

import msgspec


class Message(msgspec.Struct, frozen=True):
    """`event` and JSON-ready `data` for everybody who subscribed to one of the `streams`.

    An undelivered message is given up for a newer one with the same `replaces`: only its newest state matters.
    """

    event: str
    data: dict[str, Any]
    streams: tuple[str, ...]
    replaces: str = ""


def private_stream(user_id: int) -> str:
    """Return the stream that only this user hears, without subscribing to it."""
    return f"user:{user_id}"
