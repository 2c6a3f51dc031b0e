"""`manage.py up`: the whole of CopyTrade from one command.

Starts PostgreSQL and Valkey where none is given, prepares the database, starts web, worker and
beat, and keeps all of them running until it is asked to stop.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime.config import Config, only_copy
from copytrade.ops.runtime.envfile import ensure_secrets, format_env, write_private
from copytrade.ops.runtime.log import Log, standard_output_log
from copytrade.ops.runtime.messages import credentials_text, welcome_text
from copytrade.ops.runtime.network import free_ports, get_json, reachable_host
from copytrade.ops.runtime.postgres import Postgres
from copytrade.ops.runtime.programs import Programs
from copytrade.ops.runtime.supervisor import StopRequested, Supervisor
from copytrade.ops.runtime.valkey import Valkey

ROOT = Path(__file__).resolve().parents[3]

SERVER_SECONDS = 120.0  # PostgreSQL may have to replay its log after a crash
HEALTHY_SECONDS = 90.0
HEALTH_PAUSE = 0.2  # between two questions: each one makes the web server ask everybody


def main(argv: Sequence[str]) -> int:
    """Run until asked to stop (0), or until something needed for the start fails (1)."""
    options = _parse(argv)
    try:
        with standard_output_log() as log:
            _run(log, demo=options.demo)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start all of CopyTrade.")
    parser.add_argument("--demo", action="store_true", help="with a demo world and a feeder")
    return parser.parse_args(argv)


def _run(log: Log, *, demo: bool) -> None:
    supervisor = Supervisor(log)
    with supervisor.signals():
        config = Config.read(ROOT, os.environ)
        with only_copy(config.var_dir):
            # The file of a copy that was killed: its web server may be about to end.
            config.check_port(patience=5 if config.runtime_file.exists() else 0)
            config.runtime_file.unlink(missing_ok=True)
            Launcher(config, supervisor, log).run(demo=demo)


class Launcher:
    """One start of one copy, from its secrets to its last process."""

    def __init__(self, config: Config, supervisor: Supervisor, log: Log) -> None:
        self._config = config
        self._supervisor = supervisor
        self._log = log
        self._secrets = ensure_secrets(config.var_dir / "secrets.env")
        self._env = self._child_environment()

    def run(self, *, demo: bool) -> None:
        """Start everything and watch over it until somebody asks for the end.

        Raises StartupError where a step of the start fails; nothing is left running then.
        """
        try:
            self._start_servers()
            programs = Programs(self._config, self._env)
            with self._announced():
                ingest_key = self._prepare_database(programs, demo=demo)
                for program in programs.all():
                    self._supervisor.keep(program)
                self._wait_healthy()
                if demo:
                    self._supervisor.keep(programs.feeder())
                trade_key = self._config.var_dir / "demo_trade_key" if demo else None
                self._log.block(welcome_text(self._config.base_url, ingest_key, datetime.now(UTC), trade_key))
                self._supervisor.wait(lambda: False)
        except StopRequested:
            self._log.say("stopping")
        finally:
            self._supervisor.stop()
        self._log.say("stopped")

    def _child_environment(self) -> dict[str, str]:
        config = self._config
        own = {"VAR_DIR": str(config.var_dir), "PORT": str(config.port), "HOST": config.host}
        defaults = {"ENVIRONMENT": "development"} | {
            key: value for key, value in self._secrets.items() if not key.endswith("_PASSWORD")
        }
        missing = {key: value for key, value in defaults.items() if not config.env.get(key)}
        return {**config.env, **missing, **own, "PYTHONUNBUFFERED": "1"}

    def _start_servers(self) -> None:
        servers = self._missing_servers()
        for server in servers.values():
            server.prepare()
            self._supervisor.keep(server.program())
        for variable, server in servers.items():
            if not self._supervisor.wait(server.ready, SERVER_SECONDS):
                raise StartupError(f"The server for {variable} did not start; see its lines above.")
            self._env[variable] = server.url

    def _missing_servers(self) -> dict[str, Postgres | Valkey]:
        """The servers to run here, by the variable that would have named another one."""
        given, var_dir, secrets = self._config.env, self._config.var_dir, self._secrets
        postgres_port, valkey_port = free_ports(2)
        servers: dict[str, Postgres | Valkey] = {}
        if not given.get("DATABASE_URL"):
            servers["DATABASE_URL"] = Postgres(
                data=var_dir / "postgres",
                port=postgres_port,
                password=secrets["POSTGRES_PASSWORD"],
            )
        if not given.get("REDIS_URL"):
            servers["REDIS_URL"] = Valkey(
                folder=var_dir / "valkey", port=valkey_port, password=secrets["VALKEY_PASSWORD"]
            )
        return servers

    @contextmanager
    def _announced(self) -> Iterator[None]:
        """Within this, `manage.py` in another shell finds the running servers by runtime.env."""
        path = self._config.runtime_file
        keys = ("DATABASE_URL", "REDIS_URL", "PORT")
        write_private(path, format_env({key: self._env[key] for key in keys}))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def _prepare_database(self, programs: Programs, *, demo: bool) -> str | None:
        """Bring the database up to date; return the ingest key if it was made now."""
        self._log.say("preparing the database")
        self._supervisor.run(
            programs.manage("migrate", "migrate", "--noinput"),
            programs.manage("static", "collectstatic", "--noinput"),
        )
        self._supervisor.run(programs.manage("schedules", "setup_schedules"))
        [output] = self._supervisor.run(programs.manage("bootstrap", "bootstrap"))
        created: dict[str, str | None] = json.loads(output)
        if text := credentials_text(created):
            self._log.block(text)
        if demo:
            self._log.say("making the demo world")
            self._supervisor.run(programs.manage("seed", "seed_demo"))
        return created.get("ingest_key")

    def _wait_healthy(self) -> None:
        """Wait for the health page to say so, with a line now and then on what is missing."""
        while not self._supervisor.wait(self._healthy, HEALTHY_SECONDS):
            health = self._health() or {"web": "no answer"}
            details = ", ".join(f"{key}: {value}" for key, value in health.items())
            self._log.say(f"still not healthy ({details}); see the lines above")

    def _healthy(self) -> bool:
        time.sleep(HEALTH_PAUSE)
        return (self._health() or {}).get("status") == "healthy"

    def _health(self) -> dict[str, object] | None:
        return get_json(reachable_host(self._config.host), self._config.port, "/health")
