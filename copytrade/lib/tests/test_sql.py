"""Rows and numbers on their way to statements, and times on their way back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copytrade.lib.sql import numbers, run

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
