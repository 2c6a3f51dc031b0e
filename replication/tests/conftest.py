"""What the tests of replication share."""

from tests.beside import pool  # noqa: F401  (a fixture)
