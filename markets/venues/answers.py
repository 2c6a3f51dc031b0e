"""What comes of a request to a venue: an answer, or the knowledge of whether it may have arrived."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode


class NotSentError(Exception):
    """No connection came about: the venue has not seen the request."""


class NoAnswerError(Exception):
    """The request may have arrived, and its answer did not."""


class UnreadableError(Exception):
    """The answer is not what the venue documents."""


class Headers(Mapping[str, str]):
    """The headers of an answer, whatever case their names are written in; what came twice is joined by commas."""

    __slots__ = ("_found",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        # Most are never looked at, so each is decoded when it is asked for.
        self._found = {name.lower(): value for name, value in raw}
        if len(self._found) < len(raw):
            self._found = _joined(raw)

    def __getitem__(self, name: str) -> str:
        return self._found[_key(name)].decode("latin-1")

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header, or the default: that of `Mapping` raises an error in between."""
        found = self._found.get(_key(name))
        return default if found is None else found.decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _key(name) in self._found

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def _joined(raw: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in raw:
        values.setdefault(name.lower(), []).append(value)
    return {name: b", ".join(each) for name, each in values.items()}


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a venue answered. The body is kept out of its repr: it may name accounts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status!r}, headers={self.headers!r})"

    def json(self) -> Any:
        """Return the body decoded; `UnreadableError` where it is not JSON."""
        try:
            return _decode(self.body)
        except msgspec.DecodeError as error:
            raise UnreadableError(f"HTTP {self.status} with a body that is not JSON") from error
