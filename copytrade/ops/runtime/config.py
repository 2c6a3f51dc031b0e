"""What the environment says about one copy of CopyTrade."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from copytrade.ops.runtime import StartupError
from copytrade.ops.runtime.envfile import read_env
from copytrade.ops.runtime.network import LOOPBACK, listen_error, reachable_host

_PORTS = range(1, 65_536)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Where one copy lives and listens; `env` is the environment with `.env` underneath."""

    root: Path
    var_dir: Path
    host: str
    port: int
    env: Mapping[str, str]

    @classmethod
    def read(cls, root: Path, environ: Mapping[str, str]) -> "Config":
        """From the environment and `.env` in the project's folder; empty values count as unset.

        Raises StartupError for a PORT that is not a port.
        """
        given = {**read_env(root / ".env"), **environ}
        return cls(
            root=root,
            var_dir=(root / (given.get("VAR_DIR") or "var")).resolve(),
            host=given.get("HOST") or LOOPBACK,
            port=_port(given.get("PORT") or "8000"),
            env=given,
        )

    @property
    def runtime_file(self) -> Path:
        """Names the running servers, for `manage.py` in another shell."""
        return self.var_dir / "runtime.env"

    @property
    def base_url(self) -> str:
        """The address of the web server as seen from this machine, without a final slash."""
        host = reachable_host(self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def check_port(self, *, patience: float) -> None:
        """Raise StartupError where the web server cannot listen, even after `patience` seconds."""
        deadline = time.monotonic() + patience
        while error := listen_error(self.host, self.port):
            if error.errno != errno.EADDRINUSE:
                raise StartupError(f"Cannot listen on {self.host}:{self.port}: {error.strerror}.")
            if time.monotonic() >= deadline:
                advice = f"set PORT to a free one (PORT={self.port + 1} make up)"
                raise StartupError(f"Port {self.port} is in use: {advice}.")
            time.sleep(0.1)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) not in _PORTS:
        raise StartupError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


@contextmanager
def only_copy(var_dir: Path) -> Iterator[None]:
    """Make the folder and hold it for this process; the kernel lets go when the process ends.

    Raises StartupError where another process holds it, or where the folder cannot be made.
    """
    try:
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(var_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartupError(f"Cannot use {var_dir} for data: {error.strerror}.") from error
    with os.fdopen(lock, "r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartupError(
                f"CopyTrade is already running on {var_dir} (process {file.read().strip()}): "
                "stop it, or set VAR_DIR to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
