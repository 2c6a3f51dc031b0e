"""An installation of a benchmark's own: durable PostgreSQL, Valkey, and the web process as `make up` starts it."""

import io
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psutil

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime.config import Config
from copytrade.ops.runtime.envfile import SECRETS
from copytrade.ops.runtime.log import Log
from copytrade.ops.runtime.network import LOOPBACK, free_ports, get_json
from copytrade.ops.runtime.postgres import Postgres
from copytrade.ops.runtime.programs import Programs
from copytrade.ops.runtime.supervisor import Supervisor
from copytrade.ops.runtime.valkey import Valkey

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
LINES_TOLD = 40
UNLIMITED = "1000000000"


class Installation:
    """One copy of CopyTrade; `django` opens it to this process, `start_web` to HTTP."""

    def __init__(self, folder: Path, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.port, postgres_port, valkey_port = free_ports(3)
        secrets = {name: make() for name, make in SECRETS.items()}
        self._servers: dict[str, Postgres | Valkey] = {
            "DATABASE_URL": Postgres(
                data=folder / "postgres", port=postgres_port, password=secrets.pop("POSTGRES_PASSWORD")
            ),
            "REDIS_URL": Valkey(folder=folder / "valkey", port=valkey_port, password=secrets.pop("VALKEY_PASSWORD")),
        }
        self.ingest_key = SECRETS["VALKEY_PASSWORD"]()
        self._env = self._environment(folder, secrets)
        config = Config(root=ROOT, var_dir=folder, host=LOOPBACK, port=self.port, env=self._env)
        self._programs = Programs(config, self._env)

    def start(self, postgres_settings: Mapping[str, str] | None = None) -> None:
        """Start the servers and make the tables."""
        for server in self._servers.values():
            server.prepare()
            if isinstance(server, Postgres):
                _configure(server.data, postgres_settings or {})
            self._supervisor.keep(server.program())
        for variable, server in self._servers.items():
            if not self._supervisor.wait(server.ready, START_SECONDS):
                raise StartupError(f"The server for {variable} did not start.")
        self._supervisor.run(self._programs.manage("migrate", "migrate", "--noinput"))

    def set(self, **variables: str) -> None:
        """Change the environment of what is started from now on."""
        self._env.update(variables)

    def django(self) -> None:
        """Set up Django in this process, on this installation."""
        import django

        os.environ.update(self._env)
        django.setup()

    def start_web(self) -> None:
        """Start the web process and wait until it answers."""
        self._supervisor.run(self._programs.manage("static", "collectstatic", "--noinput"))
        self._supervisor.keep(self._programs.web())
        if not self._supervisor.wait(lambda: get_json(LOOPBACK, self.port, "/symbols") is not None, START_SECONDS):
            raise StartupError("The web process did not start.")

    def start_executor(self, processes: int) -> None:
        """Start the workers that carry out orders, so many processes, and wait until they take tasks."""
        self._supervisor.keep(self._programs.executor(processes))
        if not self._supervisor.wait(_workers_answer, START_SECONDS):
            raise StartupError("The workers did not start.")

    def start_beat(self) -> None:
        """Start the clock of scheduled work."""
        self._supervisor.run(self._programs.manage("schedules", "setup_schedules"))
        self._supervisor.keep(self._programs.beat())

    def stop_executor(self) -> None:
        """End the workers."""
        self._supervisor.drop("executor")

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time that each program and its children have used."""
        return {name: _cpu_seconds(psutil.Process(pid)) for name, pid in self._supervisor.pids().items()}

    def _environment(self, folder: Path, secrets: Mapping[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            **secrets,
            **{variable: server.url for variable, server in self._servers.items()},
            "ENVIRONMENT": "development",
            "DEBUG": "0",
            "DJANGO_SETTINGS_MODULE": "copytrade.settings",
            "VAR_DIR": str(folder),
            "INGEST_API_KEY": self.ingest_key,
            "INGEST_TIME_ZONE": "UTC",
            "RATE_LIMIT_MAX": UNLIMITED,
            "API_RATE_LIMIT_MAX": UNLIMITED,
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }


@contextmanager
def installation(**postgres_settings: str) -> Iterator[Installation]:
    """Start an installation in a temporary folder; whatever happens, all of it is ended and deleted."""
    output = io.StringIO()
    supervisor = Supervisor(Log(output))
    signal.signal(signal.SIGTERM, _exit)
    with tempfile.TemporaryDirectory(prefix="copytrade-bench-") as folder:
        try:
            copy = Installation(Path(folder), supervisor)
            copy.start(postgres_settings)
            yield copy
        except Exception:
            sys.stderr.write("\n".join(output.getvalue().splitlines()[-LINES_TOLD:]) + "\n")
            raise
        finally:
            supervisor.stop()


def _configure(data: Path, settings: Mapping[str, str]) -> None:
    with (data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def _workers_answer() -> bool:
    from copytrade.celery import app

    return bool(app.control.ping(timeout=0.5))


def _cpu_seconds(process: psutil.Process) -> float:
    return sum(_own_cpu_seconds(member) for member in (process, *process.children(recursive=True)))


def _own_cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a server's process for one connection ends with it
        return 0.0
    return float(times.user + times.system)


def _exit(number: int, frame: object) -> NoReturn:
    """Turn SIGTERM into an exception, so that everything is cleaned up."""
    raise SystemExit(128 + number)
