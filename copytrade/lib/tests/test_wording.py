"""What is wrong with a body is told in words, where it stands, and with what could stand there instead."""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from copytrade.lib.errors import InvalidInput
from copytrade.lib.structs import Problems, RowReader
from copytrade.lib.wording import pattern_told

Clock = Annotated[str, msgspec.Meta(pattern=pattern_told(r"^[0-9]{2}:[0-9]{2}$(?!\n)", "a time such as 09:15"))]
Secret = Annotated[str, msgspec.Meta(pattern="^x+$")]


class Strategy(StrEnum):
    FIXED = "FIXED"
    RATIO = "RATIO"


class Hours(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    since: Clock = msgspec.field(name="from")
    days: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=6)]], msgspec.Meta(min_length=1, max_length=7)] = []


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] = "a"
    clock: Clock | None = None
    secret: Secret = "x"
    strategy: Strategy = Strategy.FIXED
    side: Literal["BUY", "SELL"] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, lt=10)] | None = None
    flag: bool = False
    hours: Hours | None = None
    many: list[Hours] = []


def problems_of(body: Any) -> dict[str, str]:
    problems = Problems()
    RowReader(Body).read(msgspec.Raw(json.dumps(body).encode()), "", problems)
    with pytest.raises(InvalidInput) as refused:
        problems.refuse_if_any()
    return {problem["path"]: problem["message"] for problem in refused.value.details["errors"]}


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"name": ""}, "name", "must not be empty"),
        ({"name": "abcdef"}, "name", "must have at most 5 characters"),
        ({"name": 5}, "name", "must be a text, not a whole number"),
        ({"clock": "9"}, "clock", "must be a time such as 09:15"),
        ({"clock": 9.5}, "clock", "must be a time such as 09:15 or null, not a number"),
        ({"secret": "y"}, "secret", "is not written as it has to be"),
        ({"strategy": "GUESS"}, "strategy", "must be one of FIXED, RATIO"),
        ({"side": "buy"}, "side", "must be one of BUY, SELL"),
        ({"count": 0}, "count", "must be at least 1"),
        ({"count": 10}, "count", "must be at most 9"),
        ({"count": "5"}, "count", "must be a whole number or null, not a text"),
        ({"flag": None}, "flag", "must be true or false, not null"),
        ({"hours": []}, "hours", "must be an object or null, not a list"),
        ({"hours": {}}, "hours.from", "is missing"),
        ({"hours": {"from": "x"}}, "hours.from", "must be a time such as 09:15"),
        ({"hours": {"from": "09:15", "to": "1"}}, "hours.to", "is no field here"),
        ({"hours": {"from": "09:15", "days": [0, 7]}}, "hours.days[1]", "must be at most 6"),
        ({"hours": {"from": "09:15", "days": []}}, "hours.days", "must not be empty"),
        ({"hours": {"from": "09:15", "days": [0] * 8}}, "hours.days", "must have at most 7 entries"),
        ({"many": [{"from": "09:15"}, {"from": 1}]}, "many[1].from", "must be a text, not a whole number"),
    ],
)
def test_each_mistake_is_told_where_it_is(body, path, message):
    assert problems_of(body) == {path: message}


def test_all_fields_that_are_none_are_named():
    assert problems_of({"one": 1, "two": 2}) == {"one": "is no field here", "two": "is no field here"}
