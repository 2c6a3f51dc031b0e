"""What it looks like when the database is away."""

from django.db import InterfaceError, OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg_pool import PoolTimeout

# Down, restarting, overloaded, or a lock was not free in time: the same request works later.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


def is_contention(error: BaseException) -> bool:
    """Return whether a statement lost to others who wanted the same rows: the database is there, and may be asked."""
    return isinstance(error.__cause__, DeadlockDetected | LockNotAvailable)
