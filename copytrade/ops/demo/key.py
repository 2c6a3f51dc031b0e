"""The demo's keys, each kept in a private file: the feeder's, and the one to try paper orders with.

What the feeder pushes with its own is marked as demo data; the other one acts for the demo's trader only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from copytrade.accounts.authentication import KeyHolder, find_key_holder
from copytrade.accounts.models import ApiKey, Scope, User
from copytrade.accounts.services import api_key_create
from copytrade.ops.runtime.envfile import write_private

TRADE_KEY = "demo_trade_key"


def key_file() -> Path:
    """Return where the key is kept."""
    return Path(settings.VAR_DIR) / "demo_ingest_key"


def key_read() -> str | None:
    """Return the key, None where there is none."""
    return key_file().read_text(encoding="ascii").strip() if key_file().is_file() else None


@contextmanager
def key_for_seeding() -> Iterator[KeyHolder]:
    """Give the holder of the demo's key; a lost key is replaced, and the lost one ends.

    A new key gets to the file, and so to the feeder, only at the end: when the world is complete.
    """
    holder = find_key_holder(key_read() or "")
    if holder and holder.key and holder.key.is_demo:
        yield holder
        return
    ApiKey.objects.filter(is_demo=True, user=None).delete()
    row, text = api_key_create(name="Demo feeder", scopes=[Scope.INGEST], is_demo=True)
    yield KeyHolder(row.name, frozenset(row.scopes), row)
    _keep(key_file(), text)


def trade_key_file() -> Path:
    """Return where the key of the demo's trader is kept."""
    return Path(settings.VAR_DIR) / TRADE_KEY


def trade_key_ensure(*, user: User) -> None:
    """Make a key that trades for the demo's trader, unless there is one in its file; a lost one ends."""
    path = trade_key_file()
    holder = find_key_holder(path.read_text(encoding="ascii").strip()) if path.is_file() else None
    if holder is None or holder.key is None or holder.key.user_id != user.pk:
        ApiKey.objects.filter(is_demo=True, user=user).delete()
        _keep(path, api_key_create(name="Demo trader", scopes=[Scope.TRADE], user=user, is_demo=True)[1])


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, f"{text}\n")
