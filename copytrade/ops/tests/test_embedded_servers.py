"""Real PostgreSQL and Valkey: they start as whoever runs the tests, and survive what may happen."""

import io
import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from copytrade.ops.runtime.log import Log
from copytrade.ops.runtime.network import free_ports
from copytrade.ops.runtime.postgres import Postgres
from copytrade.ops.runtime.supervisor import Supervisor
from copytrade.ops.runtime.valkey import Valkey


class Machine:
    """Runs servers; `stop` and a new machine are a second start."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.supervisor = Supervisor(Log(self.stream))

    def start(self, server: Postgres | Valkey) -> None:
        server.prepare()
        self.supervisor.keep(server.program())
        self.wait(server)

    def wait(self, server: Postgres | Valkey) -> None:
        assert self.supervisor.wait(server.ready, timeout=30), self.stream.getvalue()

    def kill(self, name: str) -> None:
        """Kill -9 the server and wait until it has been noticed."""
        os.kill(self.supervisor.pids()[name], signal.SIGKILL)
        noticed = f"{name} was killed by SIGKILL"
        assert self.supervisor.wait(lambda: noticed in self.stream.getvalue(), timeout=10)

    def stop(self) -> None:
        self.supervisor.stop()


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    machine.stop()


@pytest.fixture
def postgres(tmp_path: Path) -> Postgres:
    [port] = free_ports(1)
    return Postgres(data=tmp_path / "postgres", port=port, password="secret")


@pytest.fixture
def valkey(tmp_path: Path) -> Valkey:
    [port] = free_ports(1)
    return Valkey(folder=tmp_path / "valkey", port=port, password="secret")


def remember(postgres: Postgres, text: str) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS memory (text text)")
        connection.execute("INSERT INTO memory VALUES (%s)", [text])


def memory(postgres: Postgres) -> list[str]:
    with psycopg.connect(postgres.url) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM memory")]


def test_postgres_keeps_its_data_through_kill_and_second_start(machine: Machine, postgres: Postgres) -> None:
    machine.start(postgres)
    remember(postgres, "first")
    machine.kill("postgres")
    machine.wait(postgres)
    assert memory(postgres) == ["first"]
    machine.stop()
    assert not postgres.ready()

    second = Machine()
    try:
        second.start(postgres)
        assert memory(postgres) == ["first"]
    finally:
        second.stop()


def test_postgres_logs_that_there_is_a_conflict_and_not_whose_address_it_is(
    machine: Machine, postgres: Postgres
) -> None:
    machine.start(postgres)
    remember(postgres, "ada@example.com")
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE UNIQUE INDEX memory_once ON memory (text)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        remember(postgres, "ada@example.com")
    machine.stop()
    assert "memory_once" in machine.stream.getvalue()
    assert "ada@example.com" not in machine.stream.getvalue()


def test_postgres_starts_after_an_interrupted_initdb(machine: Machine, postgres: Postgres) -> None:
    half_made = postgres.data.with_name(".postgres-new") / "data"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    machine.start(postgres)
    assert [path.name for path in postgres.data.parent.iterdir()] == ["postgres"]
    assert stat.S_IMODE(postgres.data.stat().st_mode) == 0o700


def test_postgres_starts_where_a_stranger_has_the_number_of_a_dead_server(machine: Machine, postgres: Postgres) -> None:
    postgres.prepare()
    (postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.data}\n")
    machine.start(postgres)


def test_postgres_wants_the_password_and_speaks_unicode(machine: Machine, postgres: Postgres) -> None:
    machine.start(postgres)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url.replace("secret", "guess"))
    with psycopg.connect(postgres.url) as connection:
        answer = connection.execute("SELECT upper('é'), current_setting('fsync')").fetchone()
    assert answer == ("É", "on")


def test_only_a_server_for_tests_may_forget(tmp_path: Path) -> None:
    server = Postgres(data=tmp_path, port=1, password="secret")
    assert "fsync=off" not in server.program().command
    assert "fsync=off" in replace(server, durable=False).program().command


def test_valkey_restarts_on_its_port_and_wants_the_password(machine: Machine, valkey: Valkey) -> None:
    machine.start(valkey)
    machine.kill("valkey")
    machine.wait(valkey)
    with redis.Redis.from_url(valkey.url) as client:
        assert client.ping() is True
    assert not replace(valkey, password="guess").ready()


def test_no_password_is_visible_to_other_users(machine: Machine, postgres: Postgres, valkey: Valkey) -> None:
    machine.start(postgres)
    machine.start(valkey)
    for pid in machine.supervisor.pids().values():
        assert "secret" not in " ".join(psutil.Process(pid).cmdline())
    assert stat.S_IMODE((valkey.folder / "valkey.conf").stat().st_mode) == 0o600
