"""A program, and one run of it in a process group of its own."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from copytrade.ops.runtime.confine import Identity, confined
from copytrade.ops.runtime.log import Log

POLL_SECONDS = 0.02
KILL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Program:
    """How to start a program and how to stop it.

    `grace` is how many seconds it surely gets to act on `stop_signal`; then it gets `kill_signal`
    (and soon after SIGKILL, in case that was a softer one). `death_signal` is what the kernel
    sends it if the launcher dies; by default that is `stop_signal`. What `serves` is needed by the
    others until they have ended.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals | None = None
    grace: float = 2.0
    identity: Identity = Identity.SAME
    serves: bool = False


class Child:
    """One run of a program; its output goes to the log line by line while it runs.

    With `collect=True` its standard output is kept in `output` instead.
    """

    def __init__(self, program: Program, log: Log, *, collect: bool = False) -> None:
        self.program = program
        self.started = time.monotonic()
        self.output: list[str] = []
        self._group_ended = False
        self._asked = False
        self._process = subprocess.Popen(
            confined(
                program.command,
                death_signal=program.death_signal or program.stop_signal,
                identity=program.identity,
            ),
            env=program.env,
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if collect else subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._pumps: list[threading.Thread] = []
        self._pump(self._process.stdout, self.output.append if collect else self._to(log))
        self._pump(self._process.stderr, self._to(log))

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, minus the signal's number if one ended it, None while it runs."""
        return self._process.poll()

    def finish_output(self) -> None:
        """Wait shortly for the last lines of a process that has ended."""
        for thread in self._pumps:
            thread.join(timeout=1)

    def ask_to_stop(self) -> None:
        """Send the signal to stop, once: a second one tells some programs to drop their work.

        It goes to the process alone, which knows what its own children have to finish.
        """
        if not self._asked:
            self._process.send_signal(self.program.stop_signal)  # nothing where it has ended
        self._asked = True

    def stop(self, seconds: float, hurry: Callable[[], bool]) -> None:
        """End the process within so many seconds, or at once when `hurry()` says so."""
        self.ask_to_stop()
        if not self._ends_within(seconds, hurry):
            self._process.send_signal(self.program.kill_signal)
            self._ends_within(KILL_SECONDS, lambda: False)
        self.kill_group()

    def kill_group(self) -> None:
        """Kill whatever is left of the process and of the processes that it started."""
        if not self._group_ended:
            with suppress(ProcessLookupError, PermissionError):  # macOS: no permission to a zombie
                os.killpg(self.pid, signal.SIGKILL)
        self._group_ended = True  # from now on its number may belong to a stranger
        self._process.wait()
        self.finish_output()

    def _to(self, log: Log) -> Callable[[str], None]:
        return lambda text: log.line(self.program.name, text)

    def _pump(self, stream: IO[str] | None, sink: Callable[[str], None]) -> None:
        if stream is None:
            return

        def run() -> None:
            with stream:
                for line in stream:
                    sink(line.rstrip("\r\n"))

        thread = threading.Thread(target=run, name=f"{self.program.name}-output", daemon=True)
        thread.start()
        self._pumps.append(thread)

    def _ends_within(self, seconds: float, hurry: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while self.exit_code() is None:
            if time.monotonic() >= deadline or hurry():
                return False
            time.sleep(POLL_SECONDS)
        return True


def describe_exit(code: int) -> str:
    """What an exit code says, in words: "exited with code 1", "was killed by SIGKILL"."""
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
