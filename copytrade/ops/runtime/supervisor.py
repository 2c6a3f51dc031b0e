"""Keeps programs running, and stops them in order.

One thread (the main one) starts, watches and stops every process: the kernel ties a child's death
signal to the thread that started it.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime.log import Log
from copytrade.ops.runtime.process import Child, Program, describe_exit

FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
STEADY_SECONDS = 30.0
TICK_SECONDS = 0.05
STOP_SECONDS = 9.0


class StopRequested(Exception):
    """Somebody asked for the end, by Ctrl-C or a signal."""


class Backoff:
    """How long to wait before the next start, in seconds: longer after each quick death."""

    def __init__(self) -> None:
        self._delay = FIRST_DELAY

    def after(self, uptime: float) -> float:
        """The delay after a run of `uptime` seconds."""
        delay = FIRST_DELAY if uptime >= STEADY_SECONDS else self._delay
        self._delay = min(delay * 2, LONGEST_DELAY)
        return delay


class Kept:
    """A program that is started again whenever it ends."""

    def __init__(self, program: Program, log: Log) -> None:
        self.program = program
        self.child = Child(program, log)
        self._log = log
        self._backoff = Backoff()
        self._restart_at: float | None = None

    def check(self, now: float) -> None:
        """Notice that it ended, or start it again when its delay has passed."""
        if self._restart_at is None:
            self._notice_end(now)
        elif now >= self._restart_at:
            self._restart_at = None
            self.child = Child(self.program, self._log)

    def _notice_end(self, now: float) -> None:
        code = self.child.exit_code()
        if code is None:
            return
        self.child.kill_group()  # a worker's children outlive it, and would work beside the next
        delay = self._backoff.after(now - self.child.started)
        self._restart_at = now + delay
        self._log.say(f"{self.program.name} {describe_exit(code)}; restarting in {delay:g} s")


class Supervisor:
    """The running programs, in the order of their start, and the wish to stop."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._kept: list[Kept] = []
        self._steps: list[Child] = []
        self._stop_asked = False
        self._hurry = False

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Within this, SIGINT, SIGTERM and SIGHUP ask for the end; a second SIGINT hurries it."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
            numbers.append(signal.SIGHUP)
        previous = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def keep(self, program: Program) -> None:
        """Start the program, and start it again whenever it ends."""
        self._kept.append(Kept(program, self.log))

    def drop(self, name: str) -> None:
        """End the program of this name, and keep it no more."""
        for kept in [kept for kept in self._kept if kept.program.name == name]:
            self._kept.remove(kept)
            kept.child.stop(kept.program.grace, lambda: self._hurry)

    def pids(self) -> dict[str, int]:
        """The process id of each program's latest run, by name."""
        return {kept.program.name: kept.child.pid for kept in self._kept}

    def wait(self, done: Callable[[], bool], timeout: float = math.inf) -> bool:
        """Watch over the programs until `done()`; False if that takes more than `timeout` seconds.

        Raises StopRequested as soon as somebody asks for the end.
        """
        deadline = time.monotonic() + timeout
        while not self._stop_asked:
            if done():
                return True
            now = time.monotonic()
            if now >= deadline:
                return False
            for kept in self._kept:
                kept.check(now)
            time.sleep(TICK_SECONDS)
        raise StopRequested

    def run(self, *programs: Program) -> list[str]:
        """Run programs side by side to their end and return what each wrote to standard output.

        Raises StartupError if one fails (its output is in the log), StopRequested as `wait` does.
        """
        self._steps = [Child(program, self.log, collect=True) for program in programs]
        self.wait(lambda: all(step.exit_code() is not None for step in self._steps))
        steps, self._steps = self._steps, []
        for step in steps:
            self._require_success(step)
        return ["\n".join(step.output) for step in steps]

    def stop(self) -> None:
        """End every program: those that serve others last, and of the rest all at once.

        All of it takes STOP_SECONDS: what the quick ones leave of their time goes to the others.
        """
        deadline = time.monotonic() + STOP_SECONDS
        children = [kept.child for kept in self._kept] + self._steps
        self._kept, self._steps = [], []
        for child in reversed(children):
            if not child.program.serves:
                child.ask_to_stop()
        while children:
            child = children.pop()
            reserved = sum(other.program.grace for other in children)
            seconds = max(child.program.grace, deadline - time.monotonic() - reserved)
            child.stop(seconds, lambda: self._hurry)

    def _require_success(self, step: Child) -> None:
        step.finish_output()
        if code := step.exit_code():
            for line in step.output:
                self.log.line(step.program.name, line)
            raise StartupError(f"{step.program.name} {describe_exit(code)}; its output is above.")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._hurry |= self._stop_asked and number == signal.SIGINT
        self._stop_asked = True
