"""What it looks like when the database is away."""

from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

# Down, restarting, overloaded, or a lock was not free in time: the same request works later.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
