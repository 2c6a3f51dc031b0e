"""What clients send."""

from typing import Any

import msgspec

from copytrade.lib.errors import InvalidInput, MalformedJson
from copytrade.lib.structs import describe

Identifier = str | int | float | None


class Identified(msgspec.Struct, kw_only=True):
    """The part of a request that comes back with the answer."""

    id: Identifier = None


class Request(Identified, kw_only=True):
    """What a client wants."""

    event: str
    data: Any = None


_request = msgspec.json.Decoder(Request)
_identified = msgspec.json.Decoder(Identified)


def read_request(text: str | None) -> Request:
    """Return what a frame asks for; raises `InvalidInput` or `MalformedJson`."""
    if text is None:
        raise MalformedJson("Send text frames, not binary ones.")
    try:
        return _request.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidInput([{"path": "", "message": describe(error)}]) from error
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise MalformedJson(f"The frame is not JSON: {error}") from error


def read_identifier(text: str | None) -> Identifier:
    """Return the id of a frame, however wrong the rest of it is; None where there is none."""
    try:
        return _identified.decode(text or "").id
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
