"""The control API: `POST /_control/<command>` with a JSON object; 200 with JSON, or 400 with `{"error"}`.

The commands are the methods of `Commands`, their parameters are the fields of the object.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from tests.simulators.exchange.answering import Answer
from tests.simulators.exchange.commands import Commands
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.venue import Venue


class Control:
    """Answers the control API."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._commands = Commands(venue)

    def answer(self, name: str, body: bytes) -> Answer:
        """Carry out a command."""
        command: Callable[..., Any] | None = None if name.startswith("_") else getattr(self._commands, name, None)
        if command is None:
            return _error(404, f"no command {name}")
        try:
            options = msgspec.json.decode(body or b"{}", type=dict[str, Any])
            result = command(**options)
        except (Refusal, TypeError, ValueError, KeyError, ArithmeticError) as error:
            return _error(400, f"{type(error).__name__}: {error}")
        self._venue.hub.flush()
        return Answer(200, msgspec.json.encode(result))


def _error(status: int, message: str) -> Answer:
    return Answer(status, msgspec.json.encode({"error": message}))
