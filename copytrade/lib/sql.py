"""Set-based statements: many rows in one round trip."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

Rows = Sequence[Sequence[Any]]


def run(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows, none where it has none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def columns(rows: Rows, width: int) -> list[list[Any]]:
    """Turn rows into one list for each of the `width` columns, as `unnest` takes them."""
    return [[row[index] for row in rows] for index in range(width)]
