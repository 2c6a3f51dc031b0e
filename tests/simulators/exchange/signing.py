"""Who sent a request: API key, HMAC-SHA256 signature and time window."""

import hashlib
import re
from functools import cache, lru_cache
from typing import NamedTuple

from tests.simulators.exchange.params import Params
from tests.simulators.exchange.refusals import Refusal, missing

DEFAULT_WINDOW_MS = 5000
LONGEST_WINDOW_MS = 60000
AHEAD_MS = 1000
KEY = re.compile(r"[A-Za-z0-9]{64}\Z", re.ASCII)
SIGNATURE = re.compile(r"(?:\A|&)signature=[^&]*")
MICROSECONDS = 10**14  # a time above this number cannot be in milliseconds


INNER = bytes(number ^ 0x36 for number in range(256))
OUTER = bytes(number ^ 0x5C for number in range(256))
BLOCK = 64


class Begun(NamedTuple):
    """Both hashes of an HMAC, which have taken in the secret: that is half of the work."""

    inner: "hashlib._Hash"
    outer: "hashlib._Hash"


def sign(secret: str, payload: str) -> str:
    """Return the signature in lowercase hex: an HMAC, which takes the standard library three times as long."""
    begun = _begun(secret)
    inner, outer = begun.inner.copy(), begun.outer.copy()
    inner.update(payload.encode())
    outer.update(inner.digest())
    return outer.hexdigest()


@cache
def _begun(secret: str) -> Begun:
    key = secret.encode()
    padded = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    return Begun(hashlib.sha256(padded.translate(INNER)), hashlib.sha256(padded.translate(OUTER)))


def check_key_form(key: str | None) -> str:
    """Return the key where it looks like one (-2014)."""
    if not key or not KEY.match(key):
        raise Refusal(-2014)
    return key


def check_signature(secret: str, query: str, body: str, params: Params) -> None:
    """Refuse a request whose signature is missing (-1102) or wrong (-1022).

    What is signed is the query and the body as they were sent, with nothing between them and without the signature.
    """
    given = params.values.get("signature")
    if not given:
        raise missing("signature")
    payload = _unsigned(query) + _unsigned(body) if query else _unsigned(body)
    if sign(secret, payload) != given.lower():
        raise Refusal(-1022)


def _unsigned(text: str) -> str:
    before, found, rest = text.partition("&signature=")
    # It stands last nearly always, and no text that comes here has two.
    return before if found and "&" not in rest else SIGNATURE.sub("", text)


def check_time(now: int, params: Params) -> None:
    """Refuse a time (milliseconds) that is too old or more than a second ahead (-1021)."""
    sent = params.number("timestamp")
    if sent is None:
        raise missing("timestamp")
    if sent > MICROSECONDS:
        sent //= 1000
    window_ms = _window(params.values.get("recvWindow", ""))
    if sent >= now + AHEAD_MS:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now - sent > window_ms:
        raise Refusal(-1021)


@lru_cache(maxsize=1000)
def _window(text: str) -> float:
    """Return the milliseconds for which a request is good; a client sends the same each time."""
    window = Params({"recvWindow": text}).amount("recvWindow")
    if window is None:
        return DEFAULT_WINDOW_MS
    if window > LONGEST_WINDOW_MS:
        raise Refusal(-1131, "recvWindow must be less than 60000.")
    return float(window)
