"""Small files of KEY=VALUE lines: the user's `.env`, the generated secrets, the running copy."""

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def _random_text() -> str:
    return secrets.token_urlsafe(48)


def _random_hex() -> str:
    return secrets.token_hex(24)


SECRETS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": _random_text,
    "MASTER_ENCRYPTION_KEY": _random_text,
    "POSTGRES_PASSWORD": _random_hex,
    "VALKEY_PASSWORD": _random_hex,
}


def parse_env(text: str) -> dict[str, str]:
    """The values of KEY=VALUE lines; one pair of quotes around a value is removed.

    Blank lines, comments and anything else are skipped.
    """
    values = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.strip()):
            key, value = match.groups()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            values[key] = value
    return values


def read_env(path: Path) -> dict[str, str]:
    """The values in the file; empty where there is no file."""
    return parse_env(path.read_text(encoding="utf-8")) if path.is_file() else {}


def format_env(values: Mapping[str, str]) -> str:
    """One KEY=VALUE line for each value."""
    return "".join(f"{key}={value}\n" for key, value in values.items())


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; only its owner may read it (mode 600)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink()
        raise


def ensure_secrets(path: Path) -> dict[str, str]:
    """The installation's secrets; the ones that the file lacks are made and added to it."""
    kept = read_env(path)
    made = {key: make() for key, make in SECRETS.items() if key not in kept}
    if made:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        write_private(path, text + ("\n" if text and not text.endswith("\n") else "") + format_env(made))
    return kept | made
