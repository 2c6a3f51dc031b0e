"""A pytest plugin: one real PostgreSQL and one real Valkey for the whole run.

Load it with `-p tests.servers`. Where DATABASE_URL or REDIS_URL is set, that server is used
instead. The workers of pytest-xdist inherit the servers of the process that started them.
"""

import io
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from copytrade.ops.runtime.log import Log
from copytrade.ops.runtime.network import free_ports
from copytrade.ops.runtime.postgres import Postgres
from copytrade.ops.runtime.supervisor import Supervisor
from copytrade.ops.runtime.valkey import Valkey

START_SECONDS = 60.0
PASSWORD = "only-for-tests"

ENVIRONMENT: Mapping[str, str] = {
    "ENVIRONMENT": "test",
    "SECRET_KEY": "test-secret-key-of-more-than-fifty-characters-for-django",
    "MASTER_ENCRYPTION_KEY": "a-key-that-encrypts-only-what-tests-made",
    "COPY_AT_ONCE": "false",  # tests say themselves when copies begin
}


class Servers:
    """The servers of this run and their folder; `stop` ends both."""

    def __init__(self) -> None:
        self._output = io.StringIO()
        self._supervisor = Supervisor(Log(self._output))
        self._cleanup = ExitStack()

    def start(self) -> None:
        """Start what the environment does not name yet, and name it there."""
        folder = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="copytrade-")))
        self._cleanup.callback(self._supervisor.stop)
        postgres_port, valkey_port = free_ports(2)
        candidates: dict[str, Postgres | Valkey] = {
            "DATABASE_URL": Postgres(data=folder / "postgres", port=postgres_port, password=PASSWORD, durable=False),
            "REDIS_URL": Valkey(folder=folder / "valkey", port=valkey_port, password=PASSWORD),
        }
        for variable, server in candidates.items():
            if not os.environ.get(variable):
                self._start(server)
                os.environ[variable] = server.url
        os.environ["VAR_DIR"] = str(folder)

    def stop(self) -> None:
        """End the servers and delete their data."""
        self._cleanup.close()

    def _start(self, server: Postgres | Valkey) -> None:
        server.prepare()
        self._supervisor.keep(server.program())
        if not self._supervisor.wait(server.ready, START_SECONDS):
            raise pytest.UsageError(f"No test server:\n{self._output.getvalue()}")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Before pytest-django loads the settings: a wrapper runs ahead of every other plugin."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.update(ENVIRONMENT)
        servers = Servers()
        early_config.add_cleanup(servers.stop)
        servers.start()
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_newgateway(gateway: Any) -> None:
    """Give each worker of pytest-xdist a Valkey database of its own (gw0 has number 1)."""
    base = os.environ["REDIS_URL"].rpartition("/")[0]
    url = f"{base}/{int(gateway.id.removeprefix('gw')) + 1}"
    gateway.remote_exec(f"import os; os.environ['REDIS_URL'] = {url!r}").waitclose()
