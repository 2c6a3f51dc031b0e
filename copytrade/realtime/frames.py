"""Frames to clients.

What streams carry is `{"event", "data", "seq", "ts"}`, an answer to a request is `{"event", "data", "id", "ts"}`.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from copytrade.lib.errors import ApplicationError
from copytrade.lib.wire import iso_time
from copytrade.realtime.selectors import PlacedMessage


def stream_frame(message: PlacedMessage) -> str:
    """Return the frame of a message; the same for everybody."""
    return _text({"event": message.event, "data": message.data, "seq": message.seq, "ts": iso_time(message.time)})


def ack_frame(identifier: Any, event: str, data: Any) -> str:
    """Return the answer to a request that was carried out; its data begins with the request's name."""
    return _text({"event": "ack", "id": identifier, "data": {"event": event, **data}, "ts": _now()})


def error_frame(identifier: Any, error: ApplicationError) -> str:
    """Return the answer to a request that was refused."""
    data = {"code": error.code.value, "message": error.message, "details": error.details}
    return _text({"event": "error", "id": identifier, "data": data, "ts": _now()})


def resync_frame(reason: str, position: int) -> str:
    """Return the word to load everything anew: messages were lost to this client. `seq` is where it may go on."""
    return _text({"event": "resync", "data": {"reason": reason, "seq": position}, "ts": _now()})


def _text(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame, enc_hook=str).decode()


def _now() -> str:
    return iso_time(datetime.now(UTC))
