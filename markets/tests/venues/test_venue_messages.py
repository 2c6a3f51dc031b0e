"""Requests are written as one message and no more, and answers are read alike in whatever pieces they come."""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.venues import messages
from markets.venues.answers import Answer, Headers, NoAnswerError, NotSentError
from markets.venues.messages import Address, Reader, address_of, request, unpacked

SECRET = "a-signature-that-nobody-may-see"
VENUE = Address(True, "api.example.com", 443, "api.example.com")
NAMES = st.from_regex(r"X-[A-Za-z0-9-]{1,20}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)


@pytest.mark.parametrize(
    ("url", "address", "target"),
    [
        ("https://api.example.com/a?b=%20#c", VENUE, "/a?b=%20"),
        ("https://api.example.com:443", VENUE, "/"),
        ("https://API.example.com/a", VENUE, "/a"),
        ("http://127.0.0.1:8080?a=1", Address(False, "127.0.0.1", 8080, "127.0.0.1:8080"), "/?a=1"),
        ("http://[::1]:8080/a", Address(False, "::1", 8080, "[::1]:8080"), "/a"),
        ("http://[::1]/a", Address(False, "::1", 80, "[::1]"), "/a"),
    ],
)
def test_an_address_is_read_from_the_url(url: str, address: Address, target: str) -> None:
    assert address_of(url) == (address, target)


@pytest.mark.parametrize(
    "url",
    ["", "/order", "ftp://a/b", "http:///a", "http://a:port/", "http://a:70000/", "http://user:word@a/", "http://[::/"],
)
def test_what_is_no_address_is_sent_nothing(url: str) -> None:
    with pytest.raises(NotSentError):
        address_of(url)


@pytest.mark.parametrize("character", ["\r", "\n", "\t", "\0", " ", "\x7f", "é", "\u2028"])
def test_a_url_holds_nothing_but_what_urls_hold(character: str) -> None:
    with pytest.raises(ValueError) as failed:
        address_of(f"https://api.example.com/order?signature={SECRET}{character}")

    assert SECRET not in str(failed.value)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("where", ["name", "value"])
def test_no_header_becomes_two(end: str, where: str) -> None:
    injected = {f"X{end}Y: 1": "2"} if where == "name" else {"X-MBX-APIKEY": f"{SECRET}{end}Y: 1"}
    with pytest.raises(ValueError) as failed:
        request("POST", VENUE, "/order", injected)

    assert SECRET not in str(failed.value)


def test_callers_do_not_decide_where_a_request_ends() -> None:
    written = request(
        "POST",
        VENUE,
        "/",
        {"Content-length": "1", "TRANSFER-ENCODING": "chunked", "Host": "other", "X-Own": "é"},
        b"abc",
    )

    assert written == (
        b"POST / HTTP/1.1\r\nHost: api.example.com\r\nX-Own: \xc3\xa9\r\nUser-Agent: copytrade\r\nAccept: */*\r\n"
        b"Content-Length: 3\r\n\r\nabc"
    )


def test_callers_name_themselves_and_what_they_accept_as_they_like() -> None:
    written = request("POST", VENUE, "/", {"user-agent": "own", "accept": "text/csv"})

    assert written == (
        b"POST / HTTP/1.1\r\nHost: api.example.com\r\nuser-agent: own\r\naccept: text/csv\r\nContent-Length: 0\r\n\r\n"
    )


def test_only_reads_offer_compression() -> None:
    offers = {"Accept-Encoding": "gzip, deflate, br"}
    assert b"Accept-Encoding: gzip\r\n" in request("GET", VENUE, "/", offers)
    assert not [method for method in ("POST", "PUT", "DELETE") if b"Encoding" in request(method, VENUE, "/", offers)]


def read(reader: Reader, parts: list[bytes]) -> Answer | None:
    reader.expect("GET")
    found = [reader.feed(part) for part in parts]
    assert not any(found[:-1])
    return found[-1]


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    """Cut bytes at these places."""
    edges = sorted({0, len(whole), *(place % len(whole) for place in places)})
    return [whole[start:end] for start, end in pairwise(edges)]


@given(
    st.integers(200, 599).filter(lambda status: status not in {204, 304}),
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.lists(st.binary(min_size=1, max_size=50), max_size=4),
    st.booleans(),
    st.lists(st.integers(0, 10_000), max_size=10),
)
def test_answers_are_the_same_in_whatever_pieces_they_come(
    status: int, headers: dict[str, str], parts: list[bytes], chunked: bool, places: list[int]
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = b"".join(parts)
    if chunked:
        framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])
        told = "Transfer-Encoding: chunked"
    else:
        framed, told = body, f"Content-Length: {len(body)}"
    whole = f"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 {status} Word\r\n{head}{told}\r\n\r\n".encode() + framed
    reader = Reader()

    for _ in range(2):  # the same connection carries the next one
        answer = read(reader, cut(whole, places))
        assert answer
        assert (answer.status, answer.body) == (status, body)
        assert {name: answer.headers[name.upper()] for name in headers} == _merged(headers)
        assert reader.is_reusable


def _merged(headers: dict[str, str]) -> dict[str, str]:
    """Return headers as they are read: those whose names differ by their case only are one."""
    return {
        name: ", ".join(value for other, value in headers.items() if other.lower() == name.lower()) for name in headers
    }


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=5))
def test_garbage_is_never_an_answer(garbage: bytes, places: list[int]) -> None:
    with pytest.raises(NoAnswerError):
        read(Reader(), cut(b"not http" + garbage, places))


def test_an_endless_head_is_given_up() -> None:
    with pytest.raises(NoAnswerError, match="too long"):
        read(Reader(), [b"HTTP/1.1 100 Continue\r\n\r\n"] * messages.LONGEST_HEAD)


def test_headers_are_found_in_whatever_case_they_are_written() -> None:
    headers = Headers([(b"Retry-After", b"3"), (b"X-Part", b"a"), (b"x-part", b"\xe9")])

    assert headers["retry-after"] == headers.get("RETRY-AFTER") == "3"
    assert headers["X-Part"] == "a, é"
    assert dict(headers) == {"retry-after": "3", "x-part": "a, é"}
    assert len(headers) == 2
    assert "RETRY-after" in headers
    assert "Date" not in headers
    assert headers.get("Date", "") == ""
    assert str(headers) == "Headers({'retry-after': '3', 'x-part': 'a, é'})"


def packed(coding: str, body: bytes) -> Answer:
    return Answer(200, Headers([(b"Content-Encoding", coding.encode())]), body)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_what_was_packed_is_unpacked(coding: str) -> None:
    assert unpacked(packed(coding, gzip.compress(b"{}" * 1000))).body == b"{}" * 1000


def test_what_was_not_packed_stays_as_it_is() -> None:
    assert unpacked(packed("identity", b"{}")).body == b"{}"
    assert unpacked(packed("gzip", b"")).body == b""


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        pytest.param("br", b"{}", id="an unknown way"),
        pytest.param("gzip", b"{}", id="not packed"),
        pytest.param("gzip", zlib.compress(b"{}"), id="another way"),
        pytest.param("gzip", gzip.compress(b"{}" * 1000)[:-20], id="cut off"),
    ],
)
def test_what_does_not_unpack_is_no_answer(coding: str, body: bytes) -> None:
    with pytest.raises(NoAnswerError):
        unpacked(packed(coding, body))


def test_what_unpacks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LONGEST_ANSWER", 1000)
    with pytest.raises(NoAnswerError, match="too long"):
        unpacked(packed("gzip", gzip.compress(b"x" * 1_000_000)))
