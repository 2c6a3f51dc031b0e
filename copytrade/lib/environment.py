"""Reading the environment: a missing or malformed variable ends the start with one line that names it."""

import hmac
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")

PUBLISHED_KEYS = frozenset({"dev-api-key-12345", "your-secure-key-here", "your-api-key"})
SHORTEST_SECRET_KEY = 50
SHORTEST_JWT_SECRET = 32
SHORTEST_INGEST_KEY = 20
SHORTEST_ENCRYPTION_KEY = 32


def refuse_start(variable: str, reason: str) -> NoReturn:
    """End the process with one line that names the variable."""
    raise SystemExit(f"{variable} {reason}")


class Environment:
    """Typed access to the environment; `NAME_FILE` may name a file that holds the value of `NAME`."""

    def __init__(self) -> None:
        self._env = environ.FileAwareEnv()

    def load(self, *files: Path) -> None:
        """Read KEY=VALUE files in order; the real environment and earlier files win."""
        for file in files:
            if file.is_file():
                self._env.read_env(str(file))

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text; without a default the variable has to be there."""
        value = str(self._read(name, lambda: self._env.str(name, default=""))).strip()  # a file ends with a newline
        if value:
            return value
        if default is None:
            refuse_start(name, "is missing: set it in the environment or in .env")
        return default

    def texts(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """Return a comma-separated list."""
        return [item.strip() for item in self.text(name, ",".join(default)).split(",") if item.strip()]

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return true for 1/true/yes/on and false for 0/false/no/off; anything else is refused."""
        value = self.text(name, str(default)).lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        refuse_start(name, f"is {value!r}: write true or false")

    def integer(self, name: str, default: int, *, least: int = 0) -> int:
        """Return a whole number of at least `least`."""
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            refuse_start(name, f"is {value!r}: write a whole number")
        if number < least:
            refuse_start(name, f"is {number}: write {least} or more")
        return number

    def number(self, name: str, default: str, *, least: str, most: str) -> Decimal:
        """Return a number from `least` to `most`, with all its digits."""
        value = self.text(name, default)
        try:
            number = Decimal(value)
        except InvalidOperation:
            refuse_start(name, f"is {value!r}: write a number")
        if not number.is_finite() or not Decimal(least) <= number <= Decimal(most):
            refuse_start(name, f"is {value}: write a number from {least} to {most}")
        return number

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices."""
        value = self.text(name, default)
        if value not in choices:
            refuse_start(name, f"is {value!r}: write one of {', '.join(choices)}")
        return value

    def time_zone(self, name: str) -> ZoneInfo | None:
        """Return a time zone such as Europe/Berlin, None where none is named."""
        value = self.text(name, "")
        try:
            return ZoneInfo(value) if value else None
        except (ZoneInfoNotFoundError, ValueError):
            refuse_start(name, f"is {value!r}: write a time zone such as UTC or Europe/Berlin")

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        """Return a URL with one of the schemes."""
        value = self.text(name)
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            refuse_start(name, f"is not a URL that starts with {schemes[0]}://")
        return value

    def database(self, name: str) -> dict[str, object]:
        """Return Django's database settings of a postgres:// URL."""
        url = self.url(name, ("postgres", "postgresql"))
        return dict(self._read(name, lambda: self._env.db_url_config(url)))

    def _read(self, name: str, read: Callable[[], Value]) -> Value:
        try:
            return read()
        except (ImproperlyConfigured, ValueError, OSError) as error:
            refuse_start(name, f"cannot be read: {error}")


def check_secret_key(key: str, *, development: bool) -> str:
    """Return the key, refused outside development where it is short or published."""
    if not development and (len(key) < SHORTEST_SECRET_KEY or "insecure" in key):
        refuse_start("SECRET_KEY", f"is short or a default: make one of {SHORTEST_SECRET_KEY} random characters")
    return key


def check_jwt_secret(secret: str, *, secret_key: str, development: bool) -> str:
    """Return what signs tokens: the secret, refused outside development where it is short, else one of SECRET_KEY."""
    if not secret:
        return hmac.new(secret_key.encode(), b"tokens of the API", "sha256").hexdigest()
    if not development and len(secret) < SHORTEST_JWT_SECRET:
        refuse_start("JWT_SECRET", f"is short: make one of {SHORTEST_JWT_SECRET} random characters or more")
    return secret


def check_ingest_key(key: str, *, development: bool) -> str:
    """Return the key (empty: none), refused outside development where it is short or published."""
    weak = len(key) < SHORTEST_INGEST_KEY or key in PUBLISHED_KEYS
    if key and weak and not development:
        refuse_start(
            "INGEST_API_KEY",
            f"is short or an example: make one of {SHORTEST_INGEST_KEY} random characters or more",
        )
    return key


def check_encryption_key(key: str, *, development: bool) -> str:
    """Return the key, refused outside development where it is short."""
    if not development and len(key) < SHORTEST_ENCRYPTION_KEY:
        refuse_start(
            "MASTER_ENCRYPTION_KEY",
            f"(or ENCRYPTION_KEY) is short: make one of {SHORTEST_ENCRYPTION_KEY} random characters or more",
        )
    return key
