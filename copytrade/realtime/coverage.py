"""Which messages a client has, and which ones it misses."""

from copytrade.realtime.selectors import PlacedMessage


class Coverage:
    """Of each of the client's streams: after which number it gets everything.

    After `resume(after)`, every stream is wanted from there on, once: those of now, and later ones with their first
    subscription.
    """

    def __init__(self) -> None:
        self.since: dict[str, int] = {}
        self._after: int | None = None
        self._filled: set[str] = set()

    def add(self, stream: str, position: int) -> None:
        """Note that the stream's messages after `position` arrive by themselves."""
        self.since.setdefault(stream, position)

    def drop(self, stream: str) -> bool:
        """Return whether the stream was subscribed to, which it is no more."""
        return self.since.pop(stream, None) is not None

    def resume(self, after: int | None) -> None:
        """Want the messages after this number; None: no older ones."""
        self._after, self._filled = after, set()

    def gap_begins(self) -> int | None:
        """Return the number after which messages are missing, None where none is."""
        return self._after if self._wanted() else None

    def lacks(self, message: PlacedMessage) -> bool:
        """Return whether a stream should have brought the message and none did."""
        mine = self.since.keys() & set(message.streams)
        return bool(mine & self._wanted()) and all(self.since[stream] >= message.seq for stream in mine)

    def carries(self, message: PlacedMessage) -> bool:
        """Return whether the message is on one of the client's streams."""
        return not self.since.keys().isdisjoint(message.streams)

    def fill(self) -> None:
        """Note that what was missing has been brought."""
        for stream in self._wanted():
            self.since[stream] = min(self.since[stream], self._after or 0)
        self._filled |= self.since.keys()

    def begin_again(self, position: int) -> None:
        """Note that messages up to `position` were lost on their way."""
        self.since = dict.fromkeys(self.since, position)

    def _wanted(self) -> set[str]:
        return set() if self._after is None else self.since.keys() - self._filled
