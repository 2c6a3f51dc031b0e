"""How amounts are stored."""

from typing import Any

from django.db import models

DIGITS = 60
DECIMAL_PLACES = 30


def amount_field(**options: Any) -> "models.DecimalField[Any, Any]":
    """Return a column for a price, a quantity or money: 30 digits before the point, 30 behind it.

    Senders forward doubles, whose digits reach far behind the point; none of them is lost.
    """
    return models.DecimalField(max_digits=DIGITS, decimal_places=DECIMAL_PLACES, **options)


class VerbatimJSONField(models.JSONField):
    """JSON as it came, order and all, which PostgreSQL takes in faster than `jsonb`; nobody searches in it."""

    def db_type(self, connection: Any) -> str:
        """Return the column's type."""
        return "json"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return what psycopg has read already."""
        return value
