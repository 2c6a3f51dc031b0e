"""Reading JSON into msgspec structs, with every wrong field named instead of only the first."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from copytrade.lib.errors import InvalidInput
from copytrade.lib.wording import TOO_DEEP, UNKNOWN_FIELD, told

Row = TypeVar("Row", bound=msgspec.Struct)

MOST_PROBLEMS = 100
# What is kept as it came is read again by others, and how deep they may go differs from one Python to the next.
MOST_NESTED = 100
_structure = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_generic = msgspec.json.Decoder(float_hook=Decimal)


class Problems:
    """Collects what is wrong with an input, by path."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, path: str, message: str) -> None:
        """Note one problem."""
        self._found.append({"path": path, "message": message})

    def __len__(self) -> int:
        """Return how many were noted."""
        return len(self._found)

    def refuse_if_any(self) -> None:
        """Raise `InvalidInput` with all problems (the first 100), if there are any."""
        if self._found:
            raise InvalidInput(self._found[:MOST_PROBLEMS], count=len(self._found))


class RowReader(Generic[Row]):
    """Decodes JSON objects into one struct type: fast where all is well, thorough where it is not."""

    def __init__(self, kind: type[Row]) -> None:
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def read(self, raw: msgspec.Raw, path: str, problems: Problems) -> Row | None:
        """Return the row, or None after noting each of its wrong fields."""
        if nests_too_deeply(bytes(raw)):
            problems.add(path, TOO_DEEP)
            return None
        try:
            return self._decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            found = len(problems)
            self._explain(raw, path, problems)
            if len(problems) == found:
                problems.add(path, describe(error))
            return None

    def read_all(
        self, raws: Sequence[msgspec.Raw], path: str, problems: Problems
    ) -> list[tuple[str, Row, msgspec.Raw]]:
        """Return (path, row, the row's own JSON) of the good rows, after noting what is wrong with the others."""
        rows = []
        for index, raw in enumerate(raws):
            here = f"{path}[{index}]"
            row = self.read(raw, here, problems)
            if row is not None:
                rows.append((here, row, raw))
        return rows

    def _explain(self, raw: msgspec.Raw, path: str, problems: Problems) -> None:
        try:
            value = _generic.decode(raw)
        except (msgspec.DecodeError, RecursionError, ArithmeticError):
            return
        if not isinstance(value, dict):
            problems.add(path, "must be an object")
            return
        fields = msgspec.structs.fields(self.kind)
        if self.kind.__struct_config__.forbid_unknown_fields:
            names = {field.encode_name for field in fields}
            for name in value:
                if name not in names:
                    problems.add(f"{path}.{name}" if path else name, UNKNOWN_FIELD)
        for field in fields:
            where = f"{path}.{field.encode_name}" if path else field.encode_name
            if field.encode_name not in value:
                if field.required:
                    problems.add(where, "is missing")
                continue
            self._explain_field(value[field.encode_name], field.type, where, problems)

    def _explain_field(self, value: Any, kind: Any, where: str, problems: Problems) -> None:
        try:
            msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            path, message = told(error, kind)
            problems.add(where + path, message)


def nests_too_deeply(text: bytes) -> bool:
    """Return whether JSON holds more than `MOST_NESTED` arrays and objects within each other."""
    if text.count(b"[") + text.count(b"{") <= MOST_NESTED:
        return False
    depth = 0
    for found in _structure.finditer(text):
        if found[0] in b"[{":
            depth += 1
        elif found[0] in b"]}":
            depth -= 1
        if depth > MOST_NESTED:
            return True
    return False


def describe(error: Exception) -> str:
    """Return in words what is wrong with a whole value; a place within it is told before."""
    path, message = told(error)
    return f"{path.removeprefix('.')} {message}".lstrip()
