"""Advisory locks of PostgreSQL, held until the transaction ends."""

import zlib

from django.db import connection


def lock_for_transaction(name: str) -> None:
    """Wait for the lock of this name; needs an open transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])
