"""Set-based statements: many rows in one round trip.

Rows travel as texts that msgspec writes, many times faster than psycopg quotes arrays, and numbers keep their digits:
either as one of JSON, which becomes a table by `json_to_recordset`, or as one of each column.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from psycopg import Cursor
from psycopg.types.datetime import TimestamptzLoader

Read = Callable[..., Callable[[Any], Any]]
DOCUMENTS = frozenset({"json", "jsonb"})
ESCAPED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
UNLESS_THERE = "ON CONFLICT DO NOTHING"
MANY = 16  # rows; fewer take one text of a statement each, whatever they share, so that it stays prepared
BY_NUMBER = """
    SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off'), ('join_collapse_limit', '1'), ('plan_cache_mode', 'force_generic_plan'))
        AS settings(name, value)
"""


class _Kept(threading.local):
    """The cursor of each thread while no statement runs, for as long as the connection is the same.

    To make one takes as long as a statement.
    """

    cursor: Cursor[Any] | None = None


_kept = _Kept()


def run(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows, none where it has none.

    Times are in UTC. They are read by psycopg's own loader, ten times faster than by Django's.
    """
    database = connections[DEFAULT_DB_ALIAS]
    cursor = _take_cursor(database)
    wrapper = CursorDebugWrapper if database.queries_logged else CursorWrapper
    wrapper(cursor, database).execute(statement, parameters)
    rows = _rows(cursor, database)
    _kept.cursor = cursor
    return rows


def _take_cursor(database: BaseDatabaseWrapper) -> Cursor[Any]:
    """Return the kept cursor of the connection, which is made, or made anew, where Django would do so."""
    database.close_if_health_check_failed()
    database.ensure_connection()
    cursor, _kept.cursor = _kept.cursor, None  # whoever watches statements may run some meanwhile
    if cursor is None or cursor.connection is not database.connection:
        cursor = database.connection.cursor()
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
    return cursor


def _rows(cursor: Cursor[Any], database: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    result = cursor.pgresult
    if result is None or not result.nfields:  # `description` would make an object of each
        return []
    with database.wrap_database_errors:
        return cursor.fetchall()


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


def texts(words: Iterable[str]) -> str:
    """Return words as the text of a text[], as `numbers` does numbers."""
    return _array(list(words), "text")


def json_rows(rows: Sequence[Any]) -> str:
    """Return dataclasses or mappings as the JSON array that `json_to_recordset` reads."""
    return msgspec.json.encode(rows).decode()


class Table(NamedTuple):
    """Rows as statements take them. `values` are SQL by column, read `FROM source`; `parameters` are those of both."""

    values: dict[str, str]
    source: str
    parameters: Sequence[str | None]


def as_table(columns: Mapping[str, str], rows: Sequence[Any], *, key: str, read: Read = itemgetter) -> Table:
    """Return rows as a table `new` of these columns (name to SQL type), found by `key`.

    Each column travels as an array, without a word for each of its values. Of many rows, what is the same in all of
    them travels once: PostgreSQL takes as long to read a value as to write it.
    Rows are mappings, or with `read=attrgetter` objects, which may have more than these columns.
    """
    listed = {name: list(map(read(name), rows)) for name in columns}
    many = len(rows) >= MANY
    shared = {name for name, values in listed.items() if many and name != key and _is_same(values)}
    own = [name for name in columns if name not in shared]
    values = {name: f"%s::{kind}" if name in shared else _value(name, kind) for name, kind in columns.items()}
    parameters = [_text(listed[name][0], kind) for name, kind in columns.items() if name in shared]
    parameters += [_array(listed[name], columns[name]) for name in own]
    arrays = ", ".join(_rows_of(columns[name]) for name in own)
    return Table(values, f"ROWS FROM ({arrays}) AS new({', '.join(own)})", parameters)


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


def _is_same(values: Sequence[Any]) -> bool:
    value = values[0]
    return bool(value == values[-1]) and values.count(value) == len(values)


def _text(value: Any, kind: str) -> str | None:
    plain = msgspec.to_builtins(value)
    if plain is None or (isinstance(plain, str) and kind not in DOCUMENTS):
        return plain
    return msgspec.json.encode(plain).decode()


def _array(values: Sequence[Any], kind: str) -> str:
    """Return values as the text of an array: that of JSON, but for the braces and what stands for some characters."""
    text = msgspec.json.encode(values).decode()
    if kind in DOCUMENTS:
        return text
    return "{" + (ESCAPED.sub(_as_it_is, text) if "\\" in text else text)[1:-1] + "}"


def _as_it_is(escaped: re.Match[str]) -> str:
    text = escaped[0]
    return text if text in {'\\"', "\\\\"} else msgspec.json.decode(f'"{text}"', type=str)


def _rows_of(kind: str) -> str:
    return "json_array_elements(%s)" if kind in DOCUMENTS else f"unnest(%s::{kind}[])"


def _value(name: str, kind: str) -> str:
    return f"nullif(new.{name}::text, 'null')::{kind}" if kind in DOCUMENTS else f"new.{name}"
