"""Where the server programs are, as installed from their wheels."""

from importlib.util import find_spec
from pathlib import Path

from copytrade.ops.runtime import StartupError


def wheel_program(package: str, pattern: str, *, variable: str) -> Path:
    """The program inside the installed package whose path matches the pattern.

    Raises StartupError where there is none; the message says that `variable` can replace it.
    """
    spec = find_spec(package)  # not imported: importing the package would start looking for servers
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in sorted(Path(folder).glob(pattern)):
            return path.resolve()
    name = pattern.rpartition("/")[2]
    raise StartupError(
        f"{name} of the package {package} is not installed for this Python: "
        f"use `make up`, or set {variable} to a server of your own."
    )
