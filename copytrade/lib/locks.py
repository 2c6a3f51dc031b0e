"""Advisory locks of PostgreSQL, of one name each. Whoever dies lets go of them."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def lock_for_transaction(name: str) -> None:
    """Wait for the lock of this name; needs an open transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(name)])


@contextmanager
def lock_if_free(name: str) -> Iterator[bool]:
    """Hold the lock of this name, without a transaction; yields whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_number(name)])
        (free,) = cursor.fetchone()
    try:
        yield free
    finally:
        if free:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_number(name)])


def _number(name: str) -> int:
    return zlib.crc32(name.encode())
