"""Set-based statements: many rows in one round trip.

Rows travel as one JSON text and become a table by `json_to_recordset`: msgspec writes it many times faster than
psycopg quotes arrays, and numbers keep their digits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from django.db import IntegrityError, connection, transaction
from psycopg.types.datetime import TimestamptzLoader

Read = Callable[..., Callable[[Any], Any]]
UNLESS_THERE = "ON CONFLICT DO NOTHING"
MANY = 16  # rows; fewer take one text of a statement each, whatever they share, so that it stays prepared
BY_NUMBER = """
    SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off'), ('join_collapse_limit', '1'), ('plan_cache_mode', 'force_generic_plan'))
        AS settings(name, value)
"""


def run(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows, none where it has none.

    Times are in UTC. They are read by psycopg's own loader, ten times faster than by Django's.
    """
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, parameters)
        has_columns = cursor.pgresult.nfields > 0  # `description` would make an object of each
        return cursor.fetchall() if has_columns else []


def look_up_by_number() -> None:
    """Let statements look rows up in indexes, table by table in the order named, until the transaction ends.

    Plans that PostgreSQL makes of young tables read the whole of them for a few rows instead, and are kept until the
    tables are analysed. Plans that look rows up are the same for all numbers, so one is made and kept: that of a long
    statement takes longer than looking up fifty rows. For statements that name their rows by number only.
    """
    run(BY_NUMBER)


def numbers(ids: Iterable[int | None]) -> str:
    """Return numbers as the text of a bigint[]: written many times faster than psycopg dumps a list."""
    return "{" + ",".join(["NULL" if pk is None else str(pk) for pk in ids]) + "}"


def json_rows(rows: Sequence[Any]) -> str:
    """Return dataclasses or mappings as the JSON array that `json_to_recordset` reads."""
    return msgspec.json.encode(rows).decode()


class Table(NamedTuple):
    """Rows as statements take them. `values` are SQL by column, read `FROM source`; `parameters` are those of both."""

    values: dict[str, str]
    source: str
    parameters: Sequence[str]


def as_table(columns: Mapping[str, str], rows: Sequence[Any], *, key: str, read: Read = itemgetter) -> Table:
    """Return rows as a table `new` of these columns (name to SQL type), found by `key`.

    Of many rows, what is the same in all of them travels once: PostgreSQL takes as long to read a value as to write it.
    Rows are mappings, or with `read=attrgetter` objects, which may have more than these columns.
    """
    shared = _shared(columns, rows, key, read) if len(rows) >= MANY else {}
    own = [name for name in columns if name not in shared]
    shape = ", ".join(f"{name} {columns[name]}" for name in own)
    values = {
        name: _shared_value(kind, shared[name]) if name in shared else f"new.{name}" for name, kind in columns.items()
    }
    parameters = [text for text in shared.values() if text is not None]
    listed = rows if read is itemgetter and not shared else _cut(own, rows, read)
    return Table(values, f"json_to_recordset(%s) AS new({shape})", [*parameters, json_rows(listed)])


def update_rows(table: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write columns (name to SQL type) of many rows in one statement, found by their `id`."""
    if rows:
        new = as_table({"id": "bigint", **columns}, rows, key="id")
        run(updating(table, columns, new), new.parameters)


def insert_rows(
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    *,
    unless_there: bool = False,
    mostly_new: bool = False,
    returning: str = "",
) -> list[tuple[Any, ...]]:
    """Insert many rows in one statement; with `unless_there`, those that conflict are left out.

    So they are with `mostly_new`, which is for rows that conflict only where two do the same at once.
    """
    if not rows:
        return []
    new = as_table(columns, rows, key=next(iter(columns)))
    conflict = f" {UNLESS_THERE}" if unless_there or mostly_new else ""
    answer = f" RETURNING {returning}" if returning else ""
    insert = insert_mostly_new if mostly_new else run
    return insert(f"{inserting(table, columns, new)}{conflict}{answer}", new.parameters)


def insert_mostly_new(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run an INSERT that says `UNLESS_THERE`; return its rows.

    Where that is said PostgreSQL takes half as long again for each row. So it is said only once a row has conflicted:
    then all of them are inserted anew.
    """
    try:
        with transaction.atomic():
            return run(statement.replace(UNLESS_THERE, ""), parameters)
    except IntegrityError:
        return run(statement, parameters)


def updating(table: str, columns: Iterable[str], new: Table) -> str:
    """Return the statement that writes columns from a table that has the rows' `id`; the row itself is `old`."""
    changes = ", ".join(f"{name} = {new.values[name]}" for name in columns)
    return f"UPDATE {table} AS old SET {changes} FROM {new.source} WHERE old.id = new.id"


def inserting(table: str, columns: Mapping[str, str], new: Table) -> str:
    """Return the statement that inserts a table."""
    values = ", ".join(new.values.values())
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {new.source}"


def _shared(columns: Mapping[str, str], rows: Sequence[Any], key: str, read: Read) -> dict[str, str | None]:
    shared = {}
    for name, kind in columns.items():
        get = read(name)
        value = get(rows[0])
        if name != key and value == get(rows[-1]) and list(map(get, rows)).count(value) == len(rows):
            shared[name] = _text(value, kind)
    return shared


def _cut(names: Sequence[str], rows: Sequence[Any], read: Read) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in zip(*(map(read(name), rows) for name in names), strict=True)]


def _text(value: Any, kind: str) -> str | None:
    plain = msgspec.to_builtins(value)
    if plain is None or (isinstance(plain, str) and kind not in {"json", "jsonb"}):
        return plain
    return msgspec.json.encode(plain).decode()


def _shared_value(kind: str, text: str | None) -> str:
    return f"NULL::{kind}" if text is None else f"%s::{kind}"
