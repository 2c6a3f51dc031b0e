"""The whole installation while its parts are killed: it comes back by itself, and nothing is lost or told twice."""

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from copytrade.ops.runtime.envfile import read_env
from copytrade.ops.runtime.launcher import ROOT
from copytrade.ops.runtime.network import free_ports, get_json
from tests.payloads import body, event, position

KEY = "a-key-of-the-fault-test-only"
START_SECONDS = 120.0
RECOVERY_SECONDS = 45.0
STOP_SECONDS = 10.0
PAUSE_SECONDS = 0.05
LEADERS, SYMBOLS = ("101", "102", "103"), ("BTCUSDT", "ETHUSDT", "SOLUSDT")
TOTALS = """
    SELECT platform, symbol, open_long_count, open_short_count, latest_event_at
    FROM traders_symbolaggregate ORDER BY platform, symbol
"""
DAYS = "SELECT trader_id, date, realized_pnl, closed_trades, wins, losses, events FROM traders_dailystat ORDER BY 1, 2"

VICTIMS = ("uvicorn", "worker", "postgres", "valkey-server")  # each by the name or an argument of its process


def wait_until(done: Callable[[], object], seconds: float, what: str) -> None:
    """Poll until something is so; fail with words where it takes too long."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        threading.Event().wait(PAUSE_SECONDS)


class Installation:
    """One `manage.py up` with data, port and key of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        [self.port] = free_ports(1)
        inherited = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "TMPDIR"}}
        self._env = {
            **inherited,
            "VAR_DIR": str(folder / "var"),
            "PORT": str(self.port),
            "INGEST_API_KEY": KEY,
            "RATE_LIMIT_MAX": "1000000",
            **variables,
        }
        self._output = (folder / "output.txt").open("w", encoding="utf-8")
        command = [sys.executable, "manage.py", "up"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=self._output, stderr=self._output)
        self._launcher = psutil.Process(self._process.pid)

    def healthy(self) -> bool:
        """Return whether the health page says so."""
        assert self._process.poll() is None, self.output()
        return (get_json("127.0.0.1", self.port, "/health") or {}).get("status") == "healthy"

    def child(self, word: str) -> psutil.Process | None:
        """Return the running child whose program or one of whose arguments is the word."""
        for child in self._launcher.children():
            with suppress(psutil.Error):
                if word in {child.name(), *child.cmdline()}:
                    return child
        return None

    def kill(self, word: str) -> None:
        """Kill a child and wait until another one has taken its place and all is well again."""
        victim = self.child(word)
        assert victim is not None, self.output()
        victim.kill()

        def replaced() -> bool:
            child = self.child(word)
            return child is not None and child.pid != victim.pid

        wait_until(replaced, RECOVERY_SECONDS, f"a new {word}")
        wait_until(self.healthy, RECOVERY_SECONDS, f"health after the end of {word}")

    def query(self, statement: str) -> list[Any]:
        """Return the rows of a statement."""
        url = read_env(self.folder / "var" / "runtime.env")["DATABASE_URL"]
        with closing(psycopg.connect(url)) as connection:
            return connection.execute(statement).fetchall()

    def manage(self, *arguments: str) -> None:
        """Run a management command beside the installation."""
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self._env, check=True, timeout=60)

    def stop(self) -> tuple[int, float, list[psutil.Process]]:
        """Ask for the end; return the exit code, the seconds that it took, and the processes that outlived it."""
        family = self._launcher.children(recursive=True)
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=STOP_SECONDS * 3)
        seconds = time.monotonic() - started
        return code, seconds, [process for process in family if process.is_running()]

    def output(self) -> str:
        """Return what it has printed so far."""
        return (self.folder / "output.txt").read_text(encoding="utf-8")

    def close(self) -> None:
        """End it the hard way, where it still runs."""
        if self._process.poll() is None:
            family = self._launcher.children(recursive=True)
            self._process.kill()
            self._process.wait()
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self._output.close()


@contextmanager
def installation(folder: Path, **variables: str) -> Iterator[Installation]:
    """An installation that is healthy; the variables are added to its environment."""
    running = Installation(folder, **variables)
    try:
        wait_until(running.healthy, START_SECONDS, "the first health")
        yield running
    finally:
        running.close()


class Pusher(threading.Thread):
    """Pushes one body after the other; one that is not answered with 200 is sent again, as it is."""

    def __init__(self, port: int) -> None:
        super().__init__(name="pusher")
        self.acknowledged: set[str] = set()
        self.repeats = 0
        self._port = port
        self._enough = threading.Event()

    def run(self) -> None:
        """Push until it is enough; what was begun is brought to its end."""
        for number in itertools.count():
            if self._enough.is_set():
                return
            keys, pushed = self._report(number)
            while not self._post(pushed):
                self.repeats += 1
                threading.Event().wait(PAUSE_SECONDS)
            self.acknowledged |= keys

    def advance(self, count: int) -> None:
        """Wait until so many further fills were acknowledged."""
        target = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= target, RECOVERY_SECONDS, "further pushes")

    def finish(self) -> None:
        """Stop after the body that is on its way."""
        self._enough.set()
        self.join(RECOVERY_SECONDS)
        assert not self.is_alive()

    def _report(self, number: int) -> tuple[set[str], bytes]:
        lead = LEADERS[number % len(LEADERS)]
        now = datetime.now(UTC)
        keys = {f"key-{number}-{part}" for part in range(2)}
        fills = [
            event(
                "CLOSE_LONG",
                SYMBOLS[(number + part) % len(SYMBOLS)],
                at=now - timedelta(minutes=1),
                lead=lead,
                amount=number + 1,
                realizedPnl=number % 5 - 2,
                event_key=key,
            )
            for part, key in enumerate(sorted(keys))
        ]
        held = [position(symbol, size=number + 1) for symbol in SYMBOLS[: number % (len(SYMBOLS) + 1)]]
        return keys, json.dumps(body(lead=lead, events=fills, positions=held)).encode()

    def _post(self, pushed: bytes) -> bool:
        headers = {"Content-Type": "application/json", "X-API-Key": KEY}
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)) as link:
            try:
                link.request("POST", "/ingest/binance-copytrade", pushed, headers)
                return link.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False


class Listener(threading.Thread):
    """Listens to everything; after each break it connects again and resumes after the last message that it has."""

    def __init__(self, port: int) -> None:
        super().__init__(name="listener")
        self.fills: Counter[str] = Counter()
        self.resyncs = 0
        self.breaks = 0
        self.listens = threading.Event()
        self._url = f"ws://127.0.0.1:{port}/ws/"
        self._last: int | None = None
        self._enough = threading.Event()

    def run(self) -> None:
        """Listen until it is enough."""
        while not self._enough.is_set():
            try:
                with connect(self._url, open_timeout=5, close_timeout=1) as socket:
                    self._listen(socket)
            except (OSError, WebSocketException):
                self.breaks += 1
                threading.Event().wait(PAUSE_SECONDS)

    def finish(self) -> None:
        """Stop listening."""
        self._enough.set()
        self.join(RECOVERY_SECONDS)
        assert not self.is_alive()

    def _listen(self, socket: ClientConnection) -> None:
        if self._last is not None:
            socket.send(json.dumps({"event": "resume", "data": {"after": self._last}}))
        socket.send('{"event": "subscribe:all"}')
        while not self._enough.is_set():
            with suppress(TimeoutError):
                self._take(json.loads(socket.recv(timeout=PAUSE_SECONDS)))

    def _take(self, frame: dict[str, Any]) -> None:
        match frame["event"]:
            case "ack":
                self._last = frame["data"]["seq"] if self._last is None else self._last
                self.listens.set()
            case "error":
                raise ConnectionError(frame["data"]["message"])
            case "resync":
                self.resyncs += 1
            case name:
                self._last = frame["seq"]
                if name == "trade:new":
                    self.fills[frame["data"]["eventKey"]] += 1


def test_whatever_is_killed_comes_back_and_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    with installation(tmp_path) as running:
        listener, pusher = Listener(running.port), Pusher(running.port)
        listener.start()
        try:
            assert listener.listens.wait(RECOVERY_SECONDS)
            pusher.start()
            for word in VICTIMS:
                pusher.advance(10)
                running.kill(word)
            pusher.advance(10)
        finally:
            pusher.finish()
            told = pusher.acknowledged
            with suppress(AssertionError):
                wait_until(lambda: listener.fills.keys() >= told, RECOVERY_SECONDS, "all fills at the listener")
            listener.finish()

        stored = Counter(key for (key,) in running.query("SELECT event_key FROM traders_tradeevent"))
        assert stored == Counter(dict.fromkeys(told, 1))
        assert listener.fills == stored
        assert listener.resyncs == 0
        assert listener.breaks > 0

        derived = running.query(TOTALS), running.query(DAYS)
        assert derived[0]
        running.manage("rebuild_aggregates")
        assert (running.query(TOTALS), running.query(DAYS)) == derived

        code, seconds, survivors = running.stop()
        assert (code, survivors) == (0, [])
        assert seconds < STOP_SECONDS
