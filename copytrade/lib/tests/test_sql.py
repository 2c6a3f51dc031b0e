"""Rows and numbers on their way to statements, and times on their way back."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection
from hypothesis import given
from hypothesis import strategies as st

from copytrade.lib.sql import MANY, as_table, insert_rows, numbers, run

pytestmark = pytest.mark.django_db


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))))
def test_numbers_arrive_as_they_are(ids):
    assert run("SELECT %s::bigint[]", [numbers(ids)]) == [(ids,)]


def test_an_array_of_numbers_finds_rows_without_a_cast():
    assert run("SELECT count(*) FROM accounts_user WHERE id = ANY(%s)", [numbers([1, 2])]) == [(0,)]


def test_times_are_in_utc():
    moment = datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=UTC)
    [(read,)] = run("SELECT %s::timestamptz", [moment])

    assert (read, read.utcoffset(), read.isoformat()) == (moment, timedelta(0), "2026-07-01T12:30:00.123456+00:00")


def test_a_statement_without_rows_returns_none():
    assert run("SET LOCAL work_mem = '4MB'") == []


@pytest.mark.django_db(transaction=True)
def test_statements_go_on_with_another_connection():
    before = run("SELECT pg_backend_pid()")
    connection.connection.close()
    connection.close()

    assert run("SELECT pg_backend_pid()") != before


@pytest.mark.django_db
def test_who_watches_statements_may_run_some_without_spoiling_the_answer():
    def ask_as_well(execute, statement, parameters, many, context):
        answer = execute(statement, parameters, many, context)
        if "first" in statement:
            assert run("SELECT 'second'") == [("second",)]
        return answer

    with connection.execute_wrapper(ask_as_well):
        assert run("SELECT 'first'") == [("first",)]


COLUMNS = {
    "id": "bigint",
    "word": "text",
    "amount": "numeric",
    "flag": "boolean",
    "moment": "timestamptz",
    "within": "interval",
    "facts": "jsonb",
    "key": "uuid",
}
VALUES = {
    "word": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    "amount": st.none() | st.decimals(-(10**12), 10**12, places=10),
    "flag": st.none() | st.booleans(),
    "moment": st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    "within": st.none() | st.timedeltas(timedelta(0), timedelta(days=2)),
    "facts": st.none()
    | st.dictionaries(st.sampled_from("abc"), st.integers() | st.just("a'b\"%s"))
    | st.lists(st.booleans()),
    "key": st.none() | st.uuids(),
}


@st.composite
def tables(draw):
    number = draw(st.sampled_from([1, 2, MANY - 1, MANY, MANY + 3]))
    shared = {name: draw(values) for name, values in VALUES.items() if draw(st.booleans())}
    return [
        {"id": pk, **{name: shared[name] if name in shared else draw(values) for name, values in VALUES.items()}}
        for pk in range(number)
    ]


@given(tables())
def test_rows_arrive_as_they_are_whatever_they_share(rows):
    new = as_table(COLUMNS, rows, key="id")
    texts = [f"({value})::text" if name == "facts" else value for name, value in new.values.items()]
    read = run(f"SELECT {', '.join(texts)} FROM {new.source}", new.parameters)
    found = [
        tuple(json.loads(each) if each and name == "facts" else each for name, each in zip(COLUMNS, row, strict=True))
        for row in read
    ]

    assert found == [tuple(row[name] for name in COLUMNS) for row in rows]


def test_what_all_of_many_rows_share_travels_once():
    rows = [{"id": pk, "word": "the same", "amount": None} for pk in range(MANY)]
    new = as_table({"id": "bigint", "word": "text", "amount": "numeric"}, rows, key="id")

    assert (new.values, new.source) == (
        {"id": "new.id", "word": "%s::text", "amount": "%s::numeric"},
        "ROWS FROM (unnest(%s::bigint[])) AS new(id)",
    )
    assert new.parameters[:2] == ["the same", None]


def test_rows_that_share_all_but_their_key_are_as_many():
    rows = [{"id": 1, "word": "x"}] * MANY
    new = as_table({"id": "bigint", "word": "text"}, rows, key="id")

    assert run(f"SELECT {', '.join(new.values.values())} FROM {new.source}", new.parameters) == [(1, "x")] * MANY


GROUP = {"name": "text"}


def groups(*names):
    return [{"name": name} for name in names]


@pytest.mark.parametrize("how", ["unless_there", "mostly_new"])
def test_rows_that_are_there_are_left_out_and_the_others_stored(how):
    insert_rows("auth_group", GROUP, groups("a", "b"))

    stored = insert_rows("auth_group", GROUP, groups("b", "c"), **{how: True}, returning="name")

    assert stored == [("c",)]
    assert run("SELECT name FROM auth_group ORDER BY name") == [("a",), ("b",), ("c",)]


def test_rows_that_are_mostly_new_are_all_stored_where_they_are():
    assert insert_rows("auth_group", GROUP, groups("a", "b"), mostly_new=True, returning="name") == [("a",), ("b",)]


def test_rows_that_break_another_rule_are_refused_whole():
    with pytest.raises(IntegrityError, match="null value"):
        insert_rows("auth_group", GROUP, groups("a", None), mostly_new=True)
