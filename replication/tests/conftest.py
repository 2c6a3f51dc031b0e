"""What the tests of replication share."""

from replication.tests.beside_kit import pool  # noqa: F401  (a fixture)
