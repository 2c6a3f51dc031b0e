"""Set-based statements: many rows in one round trip.

Rows travel as one JSON text and become a table by `json_to_recordset`: msgspec writes it many times faster than
psycopg quotes arrays, and numbers keep their digits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection


def run(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows, none where it has none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def json_rows(rows: Sequence[Any]) -> str:
    """Return dataclasses or mappings as the JSON array that `json_to_recordset` reads."""
    return msgspec.json.encode(rows).decode()
