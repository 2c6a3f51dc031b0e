"""One stream for the lines of all processes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

NAME_WIDTH = 9


class Log:
    """Writes whole lines from several threads, each with the padded name of its process.

    A stream that nobody reads any more (a closed terminal or pipe) is no reason to stop.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        self.block(f"{name:<{NAME_WIDTH}} | {text}")

    def say(self, text: str) -> None:
        """Write one line of the launcher itself."""
        self.line("up", text)

    def block(self, text: str) -> None:
        """Write text as it is, with no other process' line in between."""
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()


@contextmanager
def standard_output_log() -> Iterator[Log]:
    """A log on standard output, whatever the terminal's encoding, even after a reader has left."""
    stream = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - closing may fail
    try:
        yield Log(stream)
    finally:
        with suppress(OSError):
            stream.close()
