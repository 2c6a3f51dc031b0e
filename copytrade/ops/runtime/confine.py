"""Run a program that dies with its parent and, for PostgreSQL, does not look like root.

This file is executed as a script between the launcher and the program (see `confined`), because
the launcher has threads and may not run Python code between fork and exec.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
UNPRIVILEGED_ID = 65534


class Identity(StrEnum):
    """Whom the program runs as."""

    SAME = "same"
    NAMESPACE = "namespace"  # root outside, an ordinary user to itself (Linux)
    NOBODY = "nobody"  # the unprivileged system user; only root can become it


def confined(
    command: Sequence[str],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    identity: Identity = Identity.SAME,
) -> list[str]:
    """The command line that runs `command` (absolute path first) confined to this process' life.

    On Linux the program gets `death_signal` when the thread that started it ends.
    """
    wrapper = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    return [*wrapper, str(os.getpid()), str(int(death_signal)), identity, *command]


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def _enter_namespace() -> None:
    if not sys.platform.startswith("linux"):
        raise OSError("user namespaces need Linux")
    user, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    for name, outside in (("uid_map", user), ("gid_map", group)):
        mapping = f"{UNPRIVILEGED_ID} {outside} 1"
        Path(f"/proc/self/{name}").write_text(mapping, encoding="ascii")


def _become_nobody() -> None:
    entry = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _die_with_parent(parent: int, death_signal: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    _call("prctl", PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it died before the kernel was asked to tell us
        sys.exit(1)


def main(arguments: Sequence[str]) -> None:
    """Become the program: `PARENT_PID SIGNAL_NUMBER IDENTITY PROGRAM [ARGUMENT...]`."""
    parent, death_signal, identity, *command = arguments
    try:
        if identity == Identity.NAMESPACE:
            _enter_namespace()
        elif identity == Identity.NOBODY:
            _become_nobody()
        # After the change of identity, which makes the kernel forget the death signal.
        _die_with_parent(int(parent), int(death_signal))
        os.execv(command[0], command)
    except (OSError, KeyError) as error:
        sys.exit(f"cannot run {command[0]} as {identity}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
