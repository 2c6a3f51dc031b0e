"""JSON that nests deeper than anybody means it to, on every Python alike."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copytrade.lib.structs import MOST_NESTED, Problems, RowReader, nests_too_deeply


class Row(msgspec.Struct):
    """A row with one known member."""

    name: str


def row_of(depth: int) -> msgspec.Raw:
    """Return a row that nests so deep."""
    return msgspec.Raw(f'{{"name": "x", "more": {"[" * (depth - 1)}{"]" * (depth - 1)}}}'.encode())


def test_a_row_at_the_limit_is_read():
    problems = Problems()
    assert RowReader(Row).read(row_of(MOST_NESTED), "", problems) == Row("x")
    assert len(problems) == 0


@pytest.mark.parametrize("depth", [MOST_NESTED + 1, 900, 5_000, 100_000])
def test_a_row_beyond_it_is_refused_with_its_place(depth):
    problems = Problems()
    assert RowReader(Row).read(row_of(depth), "positions[3]", problems) is None
    assert problems._found == [{"path": "positions[3]", "message": "is nested too deeply"}]


def test_many_beside_each_other_are_not_deep():
    assert not nests_too_deeply(b"[" + b",".join([b'{"a": [1]}'] * 1_000) + b"]")


@given(st.text(alphabet='[]{}\\"a', max_size=400))
def test_what_stands_in_texts_does_not_count(text):
    assert not nests_too_deeply(msgspec.json.encode([[text], {text: text}] * 40))


json_values = st.recursive(
    st.text('[{"\\', max_size=3), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(json_values, st.integers(0, 150))
def test_the_depth_is_that_of_the_deepest(value, around):
    def depth_of(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth_of, value.values()), default=0)
        return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0

    text = b"[" * around + msgspec.json.encode(value) + b"]" * around
    assert nests_too_deeply(text) == (depth_of(value) + around > MOST_NESTED)
