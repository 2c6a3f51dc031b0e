"""What comes of a request to a venue: an answer, or the knowledge of whether it may have arrived."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


class NotSentError(Exception):
    """No connection came about: the venue has not seen the request."""


class NoAnswerError(Exception):
    """The request may have arrived, and its answer did not."""


class UnreadableError(Exception):
    """The answer is not what the venue documents."""


class Headers(Mapping[str, str]):
    """The headers of an answer, whatever case their names are written in; what came twice is joined by commas."""

    __slots__ = ("_found", "_raw")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._raw = raw
        self._found: dict[str, str] | None = None  # most answers are read without a look at them

    def __getitem__(self, name: str) -> str:
        return self._read()[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._read()!r})"

    def _read(self) -> dict[str, str]:
        if self._found is None:
            found: dict[str, str] = {}
            for raw_name, raw_value in self._raw:
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                found[name] = f"{found[name]}, {value}" if name in found else value
            self._found = found
        return self._found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue answered. The body is kept out of its repr: it may name accounts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body decoded; `UnreadableError` where it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise UnreadableError(f"HTTP {self.status} with a body that is not JSON") from error
