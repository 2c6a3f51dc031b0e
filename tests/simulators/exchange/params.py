"""The parameters of a request: query string and form body taken together, the query winning."""

import re
from decimal import Decimal
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

from tests.simulators.exchange.refusals import Refusal, invalid, missing

SIGNED = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?\Z", re.ASCII)
AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?\Z", re.ASCII)
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}\Z", re.ASCII)
CLIENT_ID_RANGE = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
AMOUNT_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


def parse(query: str, body: str) -> dict[str, str]:
    """Return the parameters of both strings; -1101 where one string names a parameter twice."""
    values = _pairs(body) if body else {}
    if query:
        values.update(_pairs(query))
    return values


def _pairs(text: str) -> dict[str, str]:
    if "%" in text or "+" in text or "&&" in text:
        pairs = parse_qsl(text, keep_blank_values=True)
        values, sent = dict(pairs), len(pairs)
    else:
        parts = text.split("&")
        values, sent = {}, len(parts)
        for part in parts:  # the loop takes less than a comprehension that slices
            name, _, values[name] = part.partition("=")
    if len(values) != sent:
        raise Refusal(-1101, "Duplicate values for a parameter detected.")
    return values


@lru_cache(maxsize=10_000)
def _amount(text: str, form: re.Pattern[str]) -> Decimal | None:
    return Decimal(text) if form.match(text) else None


class Params(msgspec.Struct):
    """Typed access to parameters; what is missing or malformed is refused as Binance does."""

    values: dict[str, str]

    def get(self, name: str) -> str:
        """Return a text, empty where it was not sent."""
        return self.values.get(name, "")

    def text(self, name: str) -> str:
        """Return a mandatory text (-1102)."""
        value = self.values.get(name)
        if not value:
            raise missing(name)
        return value

    def amount(self, name: str, form: re.Pattern[str] = AMOUNT) -> Decimal | None:
        """Return an amount, None where it was not sent (-1100 where it is no number, or negative)."""
        text = self.values.get(name)
        if not text:
            return None
        value = _amount(text, form)
        if value is None:
            raise Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{AMOUNT_RANGE}'.")
        return value

    def mandatory_amount(self, name: str) -> Decimal:
        """Return a mandatory amount (-1102) of the futures markets, where filters refuse negative ones."""
        value = self.amount(name, SIGNED)
        if value is None:
            raise missing(name)
        return value

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number (-1100 where it is none)."""
        text = self.values.get(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise Refusal(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            ) from None

    def limit(self, default: int, most: int) -> int:
        """Return `limit` (-1130 outside 1..most)."""
        value = self.number("limit", default)
        if value is None or not 1 <= value <= most:
            raise invalid("limit")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, which is the text "true" or "false" (-1102 where it is neither)."""
        text = self.values.get(name, "").lower()
        if text not in {"", "true", "false"}:
            raise missing(name)
        return text == "true"

    def client_id(self, name: str) -> str:
        """Return the client's id of an order, empty where none was sent (-1100 where it is malformed)."""
        text = self.values.get(name, "")
        if text and not CLIENT_ID.match(text):
            raise Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{CLIENT_ID_RANGE}'.")
        return text
