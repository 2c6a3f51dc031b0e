"""The HTTP side of the simulator, to the byte."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.simulators.binance import BinanceSimulator
from tests.simulators.exchange.server import TOGETHER

PING = b"GET /fapi/v1/ping HTTP/1.1\r\nHost: venue\r\n\r\n"
NOWHERE = b"GET /fapi/v1/none HTTP/1.1\r\n\r\n"
SECONDS = 10.0


class Wire:
    """A bare connection."""

    def __init__(self, exchange: BinanceSimulator) -> None:
        address = urlsplit(exchange.url)
        self.socket = socket.create_connection((address.hostname, address.port or 0), SECONDS)
        self._file = self.socket.makefile("rb")

    def say(self, text: bytes) -> None:
        self.socket.sendall(text)

    def answer(self) -> tuple[bytes, bytes]:
        """Return the first line and the body of the next answer, nothing where the connection has ended."""
        first, length = self._file.readline(), 0
        while (line := self._file.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return first.rstrip(), self._file.read(length)

    def has_ended(self) -> bool:
        return self._file.read() == b""

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@pytest.fixture
def wire(exchange: BinanceSimulator) -> Iterator[Wire]:
    made = Wire(exchange)
    yield made
    made.close()


@pytest.mark.parametrize("milliseconds", [0, 2])
def test_requests_that_come_together_are_answered_in_their_order(
    exchange: BinanceSimulator, wire: Wire, milliseconds: int
) -> None:
    exchange.latency(milliseconds, milliseconds)
    wire.say(PING + NOWHERE + PING)

    assert [wire.answer()[0] for _ in range(3)] == [b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 200 OK"]


def test_each_of_many_connections_gets_its_own_answer(exchange: BinanceSimulator) -> None:
    wires = [Wire(exchange) for _ in range(2 * TOGETHER + 1)]
    for wire in wires[::2]:
        wire.say(PING + NOWHERE)
    for wire in wires[1::2]:
        wire.say(NOWHERE + PING)
    answers = [(wire.answer()[0], wire.answer()[0]) for wire in wires]
    for wire in wires:
        wire.close()

    assert set(answers[::2]) == {(b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found")}
    assert set(answers[1::2]) == {(b"HTTP/1.1 404 Not Found", b"HTTP/1.1 200 OK")}


def test_a_request_may_come_byte_by_byte(wire: Wire) -> None:
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(len(PING)):
        wire.say(PING[number : number + 1])

    assert wire.answer() == (b"HTTP/1.1 200 OK", b"{}")


def test_a_body_may_come_late_and_the_next_request_early(wire: Wire) -> None:
    for piece in (b"POST /_control/clear_gaps HTTP/1.1\r\ncontent-length: 2\r\n\r\n", b"{", b"}" + PING[:9], PING[9:]):
        wire.say(piece)

    assert wire.answer() == (b"HTTP/1.1 200 OK", b"null")
    assert wire.answer() == (b"HTTP/1.1 200 OK", b"{}")


def test_a_connection_ends_where_the_client_wants_that(wire: Wire) -> None:
    wire.say(PING.replace(b"Host: venue", b"Connection: close"))

    assert wire.answer() == (b"HTTP/1.1 200 OK", b"{}")
    assert wire.has_ended()


def test_what_is_no_http_ends_the_connection(wire: Wire) -> None:
    wire.say(b"hello\r\n\r\n")

    assert wire.has_ended()


def test_a_stream_may_begin_on_a_connection_that_has_carried_requests(exchange: BinanceSimulator, wire: Wire) -> None:
    wire.say(PING)
    assert wire.answer()[0] == b"HTTP/1.1 200 OK"
    with connect(f"{exchange.ws_url}/ws-api/v3", sock=wire.socket.dup()) as stream:
        stream.send('{"id": 1, "method": "ping"}')
        assert b'"id"' in str(stream.recv(SECONDS)).encode()


def test_a_path_for_streams_answers_nothing_else(wire: Wire) -> None:
    wire.say(b"GET /ws HTTP/1.1\r\nHost: venue\r\n\r\n")

    assert wire.answer()[0] == b"HTTP/1.1 400 Bad Request"
    assert wire.has_ended()
