"""The command lines of CopyTrade's own processes, and how long each may take to stop."""

import hashlib
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from copytrade.ops.runtime.config import Config
from copytrade.ops.runtime.process import Program


@dataclass(frozen=True)
class Programs:
    """The programs of one copy; `env` is what all of them get."""

    config: Config
    env: Mapping[str, str]

    def manage(self, name: str, *arguments: str, grace: float = 2.0) -> Program:
        """A management command, logged as `name`."""
        return self._python(name, "manage.py", *arguments, grace=grace)

    def all(self) -> tuple[Program, ...]:
        """What runs always, in the order of the start; it ends in the opposite one."""
        return (self.worker(), self.executor(), self.beat(), self.streams(), self.prices(), self.web())

    def web(self) -> Program:
        """HTTP and WebSockets; open requests have 3 seconds to end."""
        config = self.config
        options = ("--host", config.host, "--port", str(config.port), "--no-access-log", "--no-proxy-headers")
        protocol = ("--ws", "websockets-sansio", "--timeout-graceful-shutdown", "3")
        uvicorn = ("uvicorn", "copytrade.asgi:application", *options, *protocol)
        return self._python("web", "-m", *uvicorn, grace=3.2)

    def worker(self) -> Program:
        """Background tasks, and what waits for sources and venues."""
        return self._worker("worker", "default,feeds", level="INFO")

    def executor(self, processes: int = 2) -> Program:
        """Orders: a worker of their own, so that nothing holds them up; it wakes up often, so no line for each task."""
        return self._worker("executor", "copy", level="WARNING", processes=processes)

    def streams(self) -> Program:
        """What venues tell of live accounts."""
        return self.manage("streams", "watch_accounts", grace=3.0)

    def prices(self) -> Program:
        """What venues tell of prices."""
        return self.manage("prices", "watch_prices", grace=2.0)

    def beat(self) -> Program:
        """The clock that sends scheduled tasks."""
        return self._celery("beat", "--loglevel", "WARNING", "--pidfile=", grace=1.0)

    def feeder(self) -> Program:
        """The demo's moving world."""
        return self.manage("feeder", "feed_demo", "--url", self.config.base_url, grace=0.5)

    def _worker(self, name: str, queues: str, *, level: str, processes: int = 2) -> Program:
        copy = hashlib.sha256(str(self.config.var_dir).encode()).hexdigest()[:8]
        place = ("-Q", queues, "-c", str(processes), "-n", f"{name}-{copy}@%h")
        options = ("--loglevel", level, "--without-gossip", "--without-mingle")
        worker = self._python(name, "-m", "celery", "-A", "copytrade", "worker", *place, *options, grace=2.0)
        # SIGTERM lets the tasks finish; without a launcher nobody would end one that does not.
        return replace(worker, death_signal=signal.SIGQUIT)

    def _celery(self, name: str, *options: str, grace: float) -> Program:
        return self._python(name, "-m", "celery", "-A", "copytrade", name, *options, grace=grace)

    def _python(self, name: str, *arguments: str, grace: float) -> Program:
        command = (sys.executable, *arguments)
        folder = self.config.root
        return Program(name=name, command=command, env=self.env, folder=folder, grace=grace)
