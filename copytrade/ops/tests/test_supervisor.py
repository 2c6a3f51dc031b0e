"""Child processes: prefixes, restarts, the order of the end, and nothing left behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime import supervisor as supervisor_module
from copytrade.ops.runtime.log import Log
from copytrade.ops.runtime.process import Program, describe_exit
from copytrade.ops.runtime.supervisor import Backoff, StopRequested, Supervisor

SLEEP = "import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"
# A child with a child of its own, whose number it prints.
PARENT = (
    "import subprocess, sys, time\n"
    f"child = subprocess.Popen([sys.executable, '-c', {DEAF!r}], stdout=subprocess.DEVNULL)\n"
    "print('child', child.pid, flush=True)\n"
    "time.sleep(60)"
)


class Scene:
    """A supervisor of small Python programs and what was logged."""

    def __init__(self, folder: Path) -> None:
        self.stream = io.StringIO()
        self.supervisor = Supervisor(Log(self.stream))
        self._folder = folder

    def program(self, name: str, code: str, **options: Any) -> Program:
        command = (sys.executable, "-u", "-c", code)
        return Program(name=name, command=command, env=os.environ, folder=self._folder, **options)

    def keep(self, name: str, code: str, **options: Any) -> None:
        self.supervisor.keep(self.program(name, code, **options))

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def wait(self, done: Callable[[], bool]) -> None:
        assert self.supervisor.wait(done, timeout=10), self.lines

    def wait_for(self, text: str) -> str:
        """The first line with the text, once there is one."""
        self.wait(lambda: any(text in line for line in self.lines))
        return next(line for line in self.lines if text in line)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0)  # each program has only its grace
    scene = Scene(tmp_path)
    yield scene
    scene.supervisor.stop()


def ended(pid: int) -> bool:
    """Whether the process is gone, or only waits for init to notice that it ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_every_line_carries_the_name_of_its_process(scene: Scene) -> None:
    scene.keep("web", f"import sys; print('to out'); print('to err', file=sys.stderr); {SLEEP}")
    scene.wait(lambda: len(scene.lines) == 2)
    assert sorted(scene.lines) == ["web       | to err", "web       | to out"]


def test_output_that_is_not_utf8_does_no_harm(scene: Scene) -> None:
    scene.keep("web", f"import sys; sys.stdout.buffer.write(b'\\xff\\n'); {SLEEP}")
    assert scene.wait_for("web").endswith("\N{REPLACEMENT CHARACTER}")


def test_a_killed_child_is_restarted_and_a_line_says_so(scene: Scene) -> None:
    scene.keep("worker", SLEEP)
    first = scene.supervisor.pids()["worker"]
    os.kill(first, signal.SIGKILL)
    line = scene.wait_for("restarting")
    assert line == "up        | worker was killed by SIGKILL; restarting in 0.5 s"
    scene.wait(lambda: scene.supervisor.pids()["worker"] != first)


def test_a_child_that_keeps_dying_waits_longer_each_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_DELAY", 0.01)
    scene.keep("web", "raise SystemExit(3)")
    scene.wait_for("restarting in 0.04 s")
    assert [line for line in scene.lines if "restarting" in line][:3] == [
        f"up        | web exited with code 3; restarting in {delay} s" for delay in (0.01, 0.02, 0.04)
    ]


def test_the_delay_doubles_to_its_limit_and_starts_over_after_a_steady_run() -> None:
    backoff = Backoff()
    assert [backoff.after(1) for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert [backoff.after(30), backoff.after(1)] == [0.5, 1]


def test_children_of_a_killed_child_are_killed_before_it_is_restarted(scene: Scene) -> None:
    scene.keep("worker", PARENT)
    grandchild = int(scene.wait_for("child").split()[-1])
    os.kill(scene.supervisor.pids()["worker"], signal.SIGKILL)
    scene.wait_for("restarting")
    assert ended(grandchild)


def test_what_serves_others_is_stopped_last(scene: Scene) -> None:
    farewell = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(0)))\n"
        "print('ready'); time.sleep(60)"
    )
    for name in ("postgres", "worker", "web"):
        scene.keep(name, farewell, serves=name == "postgres")
        scene.wait_for(f"{name:<9} | ready")
    scene.supervisor.stop()
    farewells = [line.split()[0] for line in scene.lines if "bye" in line]
    assert (set(farewells[:2]), farewells[2:]) == ({"web", "worker"}, ["postgres"])


def test_stopping_kills_what_does_not_listen_with_all_its_children(scene: Scene) -> None:
    scene.keep("deaf", DEAF, grace=0.1)
    scene.keep("worker", PARENT, grace=5)
    scene.wait_for("deaf")
    grandchild = int(scene.wait_for("child").split()[-1])
    pids = scene.supervisor.pids()
    started = time.monotonic()
    scene.supervisor.stop()
    assert time.monotonic() - started < 3
    assert all(ended(pid) for pid in (*pids.values(), grandchild))


def test_a_process_may_finish_the_work_of_its_children(scene: Scene) -> None:
    child = "import time; print('at work'); time.sleep(0.3); print('work done')"
    code = (
        "import signal, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-u', '-c', {child!r}])\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(child.wait()))\n"
        "child.wait()"
    )
    scene.keep("worker", code, grace=5)
    scene.wait_for("at work")
    scene.supervisor.stop()
    assert "work done" in scene.lines[-1]


def test_time_that_nobody_else_needs_goes_to_the_slow(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 5)
    slow = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), print('bye'), sys.exit()))\n"
        "print('ready'); time.sleep(60)"
    )
    scene.keep("worker", slow, grace=0)
    scene.wait_for("ready")
    scene.keep("web", SLEEP, grace=1)
    scene.supervisor.stop()
    assert "bye" in scene.lines[-1]


def test_a_softer_last_signal_is_followed_by_sigkill(scene: Scene) -> None:
    scene.keep("deaf", DEAF, grace=0.1, kill_signal=signal.SIGTERM)
    scene.wait_for("deaf")
    pid = scene.supervisor.pids()["deaf"]
    scene.supervisor.stop()
    assert ended(pid)


def test_a_signal_asks_for_the_end_and_a_second_ctrl_c_does_not_wait(scene: Scene) -> None:
    scene.keep("deaf", DEAF, grace=60)
    scene.wait_for("deaf")
    with scene.supervisor.signals():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(StopRequested):
            scene.supervisor.wait(lambda: False)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        scene.supervisor.stop()
    assert time.monotonic() - started < 5


def test_steps_return_what_they_print(scene: Scene) -> None:
    steps = [scene.program(name, f"print({name!r}); print('x')") for name in ("one", "two")]
    assert scene.supervisor.run(*steps) == ["one\nx", "two\nx"]
    assert scene.lines == []


def test_a_failed_step_shows_its_output_and_raises_one_line(scene: Scene) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(4)"
    with pytest.raises(StartupError, match=r"^migrate exited with code 4; its output is above\.$"):
        scene.supervisor.run(scene.program("migrate", code))
    assert sorted(scene.lines) == ["migrate   | err", "migrate   | out"]


def test_a_program_that_cannot_run_says_why(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    missing = Program(name="web", command=("/no/such",), env=os.environ, folder=tmp_path)
    with pytest.raises(StartupError):
        scene.supervisor.run(missing)
    assert "cannot run /no/such" in scene.lines[0]


def test_a_closed_output_stream_is_no_reason_to_stop() -> None:
    stream = io.StringIO()
    stream.close()
    Log(stream).say("nobody reads this")


def test_exits_are_described_in_words() -> None:
    assert describe_exit(0) == "exited with code 0"
    assert describe_exit(-15) == "was killed by SIGTERM"
    assert describe_exit(-64).startswith("was killed by")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a service of Linux")
def test_nothing_survives_a_killed_launcher(tmp_path: Path) -> None:
    code = (
        "import io, os, sys, time\n"
        "from pathlib import Path\n"
        "from copytrade.ops.runtime.log import Log\n"
        "from copytrade.ops.runtime.process import Program\n"
        "from copytrade.ops.runtime.supervisor import Supervisor\n"
        "supervisor = Supervisor(Log(sys.stdout))\n"
        f"supervisor.keep(Program(name='web', command=(sys.executable, '-c', {SLEEP!r}),"
        " env=os.environ, folder=Path.cwd()))\n"
        "print(supervisor.pids()['web'], flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-u", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        child = int(launcher.stdout.readline())
        launcher.kill()
    deadline = time.monotonic() + 5
    while not ended(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)
