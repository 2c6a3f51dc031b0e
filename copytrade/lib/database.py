"""What it looks like when the database is away."""

from django.db import InterfaceError, OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from psycopg_pool import PoolTimeout

# Down, restarting, overloaded, or a lock was not free in time: the same request works later.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


def is_contention(error: BaseException) -> bool:
    """Return whether a statement lost to others, who had the rows that it wanted: the database is there."""
    return isinstance(error.__cause__, DeadlockDetected | LockNotAvailable | QueryCanceled)
