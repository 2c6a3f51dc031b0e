"""An order's body into values by Binance's names, with everything that is wrong named (pure).

Amounts are read from the request's own digits and never pass through a float.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from copytrade.lib.errors import InvalidInput, MalformedJson
from copytrade.lib.structs import Problems, describe
from copytrade.lib.wire import plain_digits
from orders.proxy.parameters import (
    AMOUNT_PATTERN,
    FLAGS,
    LARGEST_WHOLE,
    SIGNING,
    SPELLINGS,
    WHOLE_PATTERN,
    Family,
    Form,
    Parameter,
)

Value = str | Decimal | bool | int
# The bounds of `copytrade.lib.fields.amount_field`: numeric(60, 30).
WHOLE_DIGITS = 30
DECIMAL_PLACES = 30
LONGEST_NUMBER = 64  # characters; a longer one has digits that nobody could store
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
WITHOUT_EFFECT = frozenset({"recvWindow", "newOrderRespType"})
_amount = re.compile(AMOUNT_PATTERN.rstrip("$"), re.ASCII)
_whole = re.compile(WHOLE_PATTERN.rstrip("$"), re.ASCII)


class Wrong(Exception):
    """A value that cannot be taken; the message completes "the parameter …"."""


@dataclass(frozen=True, slots=True)
class Given:
    """The parameters of a request that could be read. A flag that is false says nothing, and so is not here."""

    family: Family
    values: Mapping[str, Value]
    spellings: Mapping[str, str]

    def path(self, name: str) -> str:
        """Return the parameter's name as the caller spells it."""
        return self.spellings.get(name, name)

    def has(self, name: str) -> bool:
        """Return whether a parameter was given and could be read."""
        return name in self.values

    def text(self, name: str) -> str:
        """Return a text, empty where it is absent."""
        return str(self.values.get(name, ""))

    def amount(self, name: str) -> Decimal | None:
        """Return an amount, None where it is absent."""
        value = self.values.get(name)
        return value if isinstance(value, Decimal) else None

    def flag(self, name: str) -> bool:
        """Return whether a flag is set."""
        return self.values.get(name) is True

    def whole(self, name: str) -> int | None:
        """Return a whole number, None where it is absent."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def normalised(self) -> dict[str, str]:
        """Return what was asked for, the same for every spelling of the same order."""
        return {
            name: plain_digits(value) if isinstance(value, Decimal) else _same_case(name, str(value))
            for name, value in self.values.items()
            if name not in WITHOUT_EFFECT
        }


def read_parameters(body: bytes, family: Family, problems: Problems) -> Given:
    """Read a body by the table of its family; what is unknown, doubled or malformed goes to the problems.

    A body that is no JSON object raises `MalformedJson` or `InvalidInput`.
    """
    values: dict[str, Value] = {}
    spellings: dict[str, str] = {}
    members = _read_members(body)
    for name in _doubled(body):
        problems.add(name[:64], "is written twice")
    for spelling, raw in members.items():
        parameter = SPELLINGS[family].get(spelling)
        if parameter is None:
            problems.add(spelling[:64], _unknown(spelling, family))
            continue
        try:
            value = _READERS[parameter.form](bytes(raw), parameter)
        except Wrong as wrong:
            spellings[parameter.name] = spelling
            problems.add(spelling, str(wrong))
            continue
        if values.setdefault(parameter.name, value) != value:
            problems.add(spelling, f"says something else than {spellings[parameter.name]}, which is the same parameter")
        spellings.setdefault(parameter.name, spelling)
    silent = [name for name, value in values.items() if value is False or (name, value) == ("priceMatch", "NONE")]
    return Given(family, {name: value for name, value in values.items() if name not in silent}, spellings)


def _read_members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        body.decode()  # msgspec skips over what it does not decode, so an invalid byte is found here
        return _members.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidInput([{"path": "", "message": describe(error)}]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body is not JSON: {error}") from error


def _same_case(name: str, text: str) -> str:
    return text.upper() if name == "symbol" else text


def _doubled(body: bytes) -> list[str]:
    """Return the names that the object has more than once: readers of JSON take the last of them in silence."""
    pairs = json.loads(body, object_pairs_hook=list, parse_int=str, parse_float=str)
    return [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


def _unknown(spelling: str, family: Family) -> str:
    if spelling in SIGNING:
        return "leave it out: the proxy signs the request itself, when it is sent"
    other = Family.FUTURES if family == Family.SPOT else Family.SPOT
    if spelling in SPELLINGS[other]:
        return f"is for {other} orders only"
    return f"is not a parameter of {family} orders"


def _read_text(raw: bytes, parameter: Parameter) -> Value:
    text = _string(raw)
    if not re.fullmatch(parameter.pattern.removeprefix("^").removesuffix("$"), text):
        raise Wrong(f"must match {parameter.pattern}")
    return text


def _read_choice(raw: bytes, parameter: Parameter) -> Value:
    text = _string(raw)
    if text not in parameter.choices:
        raise Wrong(f"write one of {', '.join(parameter.choices)}")
    return text


def _read_flag(raw: bytes, parameter: Parameter) -> Value:
    words = {b"true": True, b"false": False, **{f'"{word}"'.encode(): meaning for word, meaning in FLAGS.items()}}
    if raw not in words:
        raise Wrong("write true or false")
    return words[raw]


def _read_amount(raw: bytes, parameter: Parameter) -> Value:
    value = _number(raw, _amount)
    if value.adjusted() >= WHOLE_DIGITS or not _fits(value):
        raise Wrong(f"has more than {WHOLE_DIGITS} digits before the point or {DECIMAL_PLACES} behind it")
    if value <= 0:
        raise Wrong("must be above 0")
    _check_range(value, parameter)
    return value


def _read_whole(raw: bytes, parameter: Parameter) -> Value:
    value = _number(raw, _whole)
    if value.adjusted() > len(str(LARGEST_WHOLE)) or value != value.to_integral_value():
        raise Wrong("write a whole number")
    _check_range(value, parameter)
    if value > LARGEST_WHOLE:
        raise Wrong(f"must be {LARGEST_WHOLE} at most")
    return int(value)


def _number(raw: bytes, pattern: "re.Pattern[str]") -> Decimal:
    """Return the number of a JSON number, or of its digits in a JSON string, exactly."""
    if len(raw) > LONGEST_NUMBER:
        raise Wrong(f"has more than {LONGEST_NUMBER} characters")
    if raw[:1] == b'"':
        text = _string(raw)
        if not pattern.fullmatch(text):
            raise Wrong("must be a number, or a text of its digits such as 0.001")
        return Decimal(text)
    try:
        value = msgspec.json.decode(raw, type=Decimal)
    except (msgspec.DecodeError, ArithmeticError) as error:
        raise Wrong("must be a number, or a text of its digits such as 0.001") from error
    if not value.is_finite():
        raise Wrong("must be a number, or a text of its digits such as 0.001")
    return value


def _fits(value: Decimal) -> bool:
    digits = plain_digits(value) if value.adjusted() > -LONGEST_NUMBER else ""
    return value == 0 or (bool(digits) and len(digits.partition(".")[2]) <= DECIMAL_PLACES)


def _check_range(value: Decimal, parameter: Parameter) -> None:
    if value < parameter.least or (parameter.most is not None and value > parameter.most):
        most = "" if parameter.most is None else f" and {parameter.most} at most"
        raise Wrong(f"must be {parameter.least} at least{most}")


def _string(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError as error:
        raise Wrong("must be a text") from error


_READERS = {
    Form.TEXT: _read_text,
    Form.CHOICE: _read_choice,
    Form.AMOUNT: _read_amount,
    Form.FLAG: _read_flag,
    Form.WHOLE: _read_whole,
}
