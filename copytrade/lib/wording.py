"""What msgspec finds wrong with a value, in words for those who sent it (pure)."""

import ast
import re
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NamedTuple

import msgspec

TYPES = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
COMPARISONS = {">=": "at least", "<=": "at most", ">": "above", "<": "below"}
LENGTHS = {">=": "at least", "<=": "at most", "==": "exactly"}
TOO_DEEP = "is nested too deeply"
UNKNOWN_FIELD = "is no field here"
_patterns: dict[str, str] = {}
_place = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$")


class Told(NamedTuple):
    """What is wrong, and where within the value: `.days[2]`, empty for the value itself."""

    path: str
    message: str


def pattern_told(pattern: str, words: str) -> str:
    """Return a pattern, and from now on tell what it asks for in these words: `a time such as 09:15`."""
    _patterns[pattern] = words
    return pattern


def told(error: Exception, kind: Any = None) -> Told:
    """Return what is wrong with a value that should have been of a kind, which names the words that it may be."""
    if isinstance(error, RecursionError):
        return Told("", TOO_DEEP)
    text = str(error)
    found = _place.search(text)
    path = found["path"].replace("[...]", "") if found else ""
    text = text[: found.start()] if found else text
    for pattern, tell in _RULES:
        if match := pattern.fullmatch(text):
            inner, message = tell(match, None if path else kind)
            return Told(path + inner, message)
    return Told(path, text[:1].lower() + text[1:].replace("`", ""))


def _unmatched(match: re.Match[str], _: Any) -> Told:
    words = _patterns.get(ast.literal_eval(match["pattern"]))
    return Told("", f"must be {words}" if words else "is not written as it has to be")


def _mistyped(match: re.Match[str], kind: Any) -> Told:
    expected = [TYPES.get(name, name) for name in match["expected"].split(" | ")]
    for meta in _metas(kind):
        if TYPES["str"] in expected and meta.pattern in _patterns:
            expected[expected.index(TYPES["str"])] = _patterns[meta.pattern]
    return Told("", f"must be {' or '.join(expected)}, not {TYPES.get(match['got'], match['got'])}")


def _unlisted(match: re.Match[str], kind: Any) -> Told:
    choices = list(dict.fromkeys(_choices(kind)))
    return Told("", f"must be one of {', '.join(choices)}" if choices else f"cannot be {match['value']}")


def _compared(match: re.Match[str], _: Any) -> Told:
    return Told("", f"must be {COMPARISONS[match['sign']]} {match['bound']}")


def _measured(match: re.Match[str], _: Any) -> Told:
    if (match["sign"], match["bound"]) == (">=", "1"):
        return Told("", "must not be empty")
    what = "characters" if match["type"] == "str" else "entries"
    return Told("", f"must have {LENGTHS[match['sign']]} {match['bound']} {what}")


def _metas(kind: Any) -> Iterator[msgspec.Meta]:
    """Return what is said of a type, of those that it may be, too."""
    for part in (*getattr(kind, "__metadata__", ()), *typing.get_args(kind)):
        if isinstance(part, msgspec.Meta):
            yield part
        elif part is not kind:
            yield from _metas(part)


def _choices(kind: Any) -> Iterator[str]:
    """Return the words that a value of a type may be."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield from (str(member.value) for member in kind)
    elif typing.get_origin(kind) is typing.Literal:
        yield from map(str, typing.get_args(kind))
    else:
        for part in typing.get_args(kind):
            if isinstance(part, msgspec.Meta):
                yield from (part.extra_json_schema or {}).get("enum", ())
            else:
                yield from _choices(part)


Teller = Callable[[re.Match[str], Any], Told]
_RULES: tuple[tuple[re.Pattern[str], Teller], ...] = (
    (re.compile(r"Expected `str` matching regex (?P<pattern>.+)"), _unmatched),
    (re.compile(r"Expected `(?P<type>str|array)` of length (?P<sign>>=|<=|==) (?P<bound>\d+)"), _measured),
    (re.compile(r"Expected `\w+` (?P<sign>>=|<=|>|<) (?P<bound>\S+)"), _compared),
    (re.compile(r"Invalid enum value (?P<value>.+)"), _unlisted),
    (re.compile(r"Invalid decimal string"), lambda *_: Told("", "must be a number")),
    (re.compile(r"Object missing required field `(?P<field>.+)`"), lambda m, _: Told(f".{m['field']}", "is missing")),
    (re.compile(r"Object contains unknown field `(?P<field>.+)`"), lambda m, _: Told(f".{m['field']}", UNKNOWN_FIELD)),
    (re.compile(r"Expected `(?P<expected>.+)`, got `(?P<got>.+)`"), _mistyped),
)
