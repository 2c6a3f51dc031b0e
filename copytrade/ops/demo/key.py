"""The feeder's ingest key: what it pushes is marked as demo data. The key itself is kept in a private file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from copytrade.accounts.authentication import KeyHolder, find_key_holder
from copytrade.accounts.models import ApiKey, Scope
from copytrade.accounts.services import api_key_create
from copytrade.ops.runtime.envfile import write_private


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
    ApiKey.objects.filter(is_demo=True).delete()
    row, text = api_key_create(name="Demo feeder", scopes=[Scope.INGEST], is_demo=True)
    yield KeyHolder(row.name, frozenset(row.scopes), row)
    key_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(key_file(), f"{text}\n")
