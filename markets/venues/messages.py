"""HTTP/1.1 as bytes: how a request is written, and how an answer is read. No connection, no clock.

Source: RFC 9112. Answers are parsed by llhttp, as leniently as aiohttp does it: old gateways end lines as they like.
"""

import zlib
from collections.abc import Mapping
from functools import lru_cache
from re import compile as pattern
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from markets.venues.answers import Answer, Headers, NoAnswerError, NotSentError

LONGEST_HEAD = 64 * 1024
# Lists of all instruments are the longest answers, about 30 MB.
LONGEST_ANSWER = 128 * 1024 * 1024

PORTS = {"http": 80, "https": 443}
URL = pattern(r"(https?)://([^/?#]+)([^#]*)")
# Where a message ends and what becomes of its connection is decided here, whatever callers would like.
OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect", "upgrade"})
DEFAULTS = {"User-Agent": "copytrade", "Accept": "*/*"}
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
LENGTH, NO_LENGTH = "Content-Length: %d", ""
COMPRESSION = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16}


class Address(NamedTuple):
    """Where a request goes. `authority` is how the Host header names it."""

    secure: bool
    host: str
    port: int
    authority: str


def address_of(url: str) -> tuple[Address, str]:
    """Return where an encoded URL leads, and what is asked for there.

    Raises `ValueError` for characters that no URL has (its text would show a signature, so it does not name them), and
    `NotSentError` for what is no address.
    """
    # What has no query is the same each time; what has one may hold a signature, and is not kept.
    return _read(url) if "?" in url else _remembered(url)


def _read(url: str) -> tuple[Address, str]:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the URL is not encoded")
    parts = URL.match(url)
    address = parts and _address(parts[1], parts[2])
    if not parts or not address:
        raise NotSentError("no address")
    target = parts[3]
    return address, target if target.startswith("/") else f"/{target}"


_remembered = lru_cache(maxsize=256)(_read)


@lru_cache(maxsize=256)
def _address(scheme: str, authority: str) -> Address | None:
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port or PORTS[scheme]
    except ValueError:
        return None
    if not host or "@" in authority:
        return None
    named = f"[{host}]" if ":" in host else host
    return Address(scheme == "https", host, port, named if port == PORTS[scheme] else f"{named}:{port}")


def request(
    method: str, address: Address, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """Return a request as it goes over the wire; `ValueError` where a header would be more than one line.

    Only GET offers compression: what is read may be long, and no order is to wait for it.
    """
    length = NO_LENGTH if body is None else LENGTH
    names, template = _template(method, address.authority, tuple(headers or ()), length)
    values = [f"{headers[name]}" for name in names] if headers else []
    _check_line("".join(values))
    if body is None:
        return (template % (target, *values)).encode()
    return (template % (target, *values, len(body))).encode() + body


@lru_cache(maxsize=256)
def _template(method: str, authority: str, given: tuple[str, ...], length: str) -> tuple[tuple[str, ...], str]:
    """Return which of the names of headers are kept, and the head with gaps for the target, their values, the length.

    `ValueError` where a name would be more than one line.
    """
    names = tuple([name for name in given if name.lower() not in OURS])
    _check_line("".join(names))
    lowered = {name.lower() for name in names}
    rest = [f"{name}: {value}" for name, value in DEFAULTS.items() if name.lower() not in lowered]
    if method == "GET":
        rest.append("Accept-Encoding: gzip")
    if length or method in WITH_BODY:
        rest.append(length or "Content-Length: 0")
    first = [f"{_literal(method)} %s HTTP/1.1", f"Host: {_literal(authority)}"]
    return names, "\r\n".join([*first, *(f"{_literal(name)}: %s" for name in names), *rest, "\r\n"])


def _check_line(text: str) -> None:
    if "\r" in text or "\n" in text or "\0" in text:  # a pattern takes six times as long
        raise ValueError("a header holds the end of a line")


def _literal(text: str) -> str:
    return text.replace("%", "%%")


class Reader:
    """Reads the answers of one connection, one after the other."""

    __slots__ = ("_body", "_fields", "_headless", "_is_complete", "_parser", "_size", "_status", "is_reusable")

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self.expect("GET")

    def expect(self, method: str) -> None:
        """Begin with the answer to a request."""
        self._headless = method == "HEAD"
        self._status = 0
        self._size = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._is_complete = False
        self.is_reusable = False

    def feed(self, data: bytes) -> Answer | None:
        """Take what has come; return the answer when it is complete. Raises `NoAnswerError` for what is none.

        `is_reusable` then says whether the connection can carry another request: not where the venue wants to close
        it, and not where it has sent more than was asked for.
        """
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_reusable = False
            if not self._is_complete:
                raise NoAnswerError("the answer is malformed") from None
        if self._is_complete:
            return self._answer()
        if self._size > (LONGEST_ANSWER if self._status else LONGEST_HEAD):
            raise NoAnswerError("the answer is too long")
        return None

    def end(self) -> Answer | None:
        """Return the answer where the end of the connection completes it, and nothing where it came too early."""
        self.is_reusable = False
        if not self._status or {name.lower() for name, _ in self._fields} & {b"content-length", b"transfer-encoding"}:
            return None
        return self._answer()

    def _answer(self) -> Answer:
        return Answer(self._status, Headers(self._fields), bytes(self._body))

    def on_message_begin(self) -> None:
        """Note that one more answer begins, which nobody has asked for."""
        if self._is_complete:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what follows the body is none."""
        if not self._status:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the status, unless it is only a sign of life."""
        if self._status:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._fields.clear()
            return
        self._status = status
        self._is_complete = self._headless  # whatever length it tells, no body follows

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if not self._is_complete:
            self._body += body

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self._status and not self._is_complete:
            self._is_complete = True
            self.is_reusable = self._parser.should_keep_alive()


def unpacked(answer: Answer) -> Answer:
    """Return an answer with its body as it was before compression; `NoAnswerError` where it does not come out."""
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if coding == "identity" or not answer.body:
        return answer
    if coding not in COMPRESSION:
        raise NoAnswerError("the answer is packed in an unknown way")
    unpacker = zlib.decompressobj(COMPRESSION[coding])
    try:
        body = unpacker.decompress(answer.body, LONGEST_ANSWER)
    except zlib.error:
        raise NoAnswerError("the answer is malformed") from None
    if not unpacker.eof:
        raise NoAnswerError("the answer is too long" if unpacker.unconsumed_tail else "the answer is malformed")
    return Answer(answer.status, answer.headers, body)
