"""Set-based statements: many rows in one round trip.

Rows travel as one JSON text and become a table by `json_to_recordset`: msgspec writes it many times faster than
psycopg quotes arrays, and numbers keep their digits.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection
from psycopg.types.datetime import TimestamptzLoader

BY_NUMBER = """
    SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off'), ('join_collapse_limit', '1')) AS settings(name, value)
"""


def run(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows, none where it has none.

    Times are in UTC. They are read by psycopg's own loader, ten times faster than by Django's.
    """
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def look_up_by_number() -> None:
    """Let statements look rows up in indexes, table by table in the order named, until the transaction ends.

    Plans that PostgreSQL makes of young tables read the whole of them for a few rows instead, and are kept until the
    tables are analysed. For statements that name their rows by number only.
    """
    run(BY_NUMBER)


def numbers(ids: Iterable[int | None]) -> str:
    """Return numbers as the text of a bigint[]: written many times faster than psycopg dumps a list."""
    return "{" + ",".join(["NULL" if pk is None else str(pk) for pk in ids]) + "}"


def json_rows(rows: Sequence[Any]) -> str:
    """Return dataclasses or mappings as the JSON array that `json_to_recordset` reads."""
    return msgspec.json.encode(rows).decode()


def update_rows(table: str, columns: Mapping[str, str], rows: Sequence[Any]) -> None:
    """Write columns (name to SQL type) of many rows in one statement, found by their `id`."""
    if rows:
        shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        changes = ", ".join(f"{name} = new.{name}" for name in columns)
        run(
            f"UPDATE {table} AS old SET {changes} "
            f"FROM json_to_recordset(%s) AS new(id bigint, {shape}) WHERE old.id = new.id",
            [json_rows(rows)],
        )


def insert_rows(
    table: str, columns: Mapping[str, str], rows: Sequence[Any], *, unless_there: bool = False, returning: str = ""
) -> list[tuple[Any, ...]]:
    """Insert many rows in one statement; with `unless_there`, those that conflict are left out."""
    if not rows:
        return []
    names = ", ".join(columns)
    shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    conflict = " ON CONFLICT DO NOTHING" if unless_there else ""
    answer = f" RETURNING {returning}" if returning else ""
    return run(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM json_to_recordset(%s) AS new({shape}){conflict}{answer}",
        [json_rows(rows)],
    )
