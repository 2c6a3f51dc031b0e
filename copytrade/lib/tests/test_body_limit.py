"""A body that is too large is refused before it is read."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from copytrade.lib.asgi import BodyLimit

Message = dict[str, Any]
MOST = 10


class Reader:
    """An application that reads the whole body and answers with its size."""

    def __init__(self) -> None:
        self.read: bytes | None = None
        self.broken_off = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.broken_off = True
                break
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.read = body
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(len(body)).encode()})


async def ask(application: Any, chunks: Iterable[bytes], length: bytes | None = None) -> list[Message]:
    """Return what the application sends for a body in chunks."""
    parts = list(chunks)
    incoming = iter(
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1} for index, part in enumerate(parts)
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", length)]
    await application({"type": "http", "headers": headers}, receive, send)
    return sent


def is_refusal(sent: list[Message]) -> bool:
    """Return whether this is the one answer 413 in the envelope."""
    start, end = sent
    error = json.loads(end["body"])["error"]
    headers = dict(start["headers"])
    assert headers[b"content-length"] == str(len(end["body"])).encode()
    assert (error["code"], error["details"]) == ("PAYLOAD_TOO_LARGE", {"most_bytes": MOST})
    return bool(start["status"] == 413 and headers[b"content-type"] == b"application/json")


@pytest.mark.parametrize("chunks", [[b""], [b"x" * MOST], [b"x"] * MOST, [b"x" * 4, b"", b"y" * 6]])
async def test_a_body_up_to_the_limit_is_handed_on_whole(chunks: list[bytes]) -> None:
    reader = Reader()
    sent = await ask(BodyLimit(reader, most_bytes=MOST), chunks, str(sum(map(len, chunks))).encode())
    assert sent[0]["status"] == 200
    assert reader.read == b"".join(chunks)


async def test_a_length_beyond_the_limit_is_refused_without_reading() -> None:
    reader = Reader()
    sent = await ask(BodyLimit(reader, most_bytes=MOST), [b"x" * (MOST + 1)], str(MOST + 1).encode())
    assert is_refusal(sent)
    assert reader.read is None


@pytest.mark.parametrize("length", [b"-1", b"ten", b"", b"1.5", b"9" * 400])
async def test_a_length_that_is_none_is_refused(length: bytes) -> None:
    assert is_refusal(await ask(BodyLimit(Reader(), most_bytes=MOST), [b"x"], length))


@pytest.mark.parametrize("chunks", [[b"x" * (MOST + 1)], [b"x"] * (MOST + 1), [b"x" * MOST, b"x"], [b"x" * 6] * 9])
async def test_chunks_beyond_the_limit_are_refused_once_and_break_the_request_off(chunks: list[bytes]) -> None:
    reader = Reader()
    sent = await ask(BodyLimit(reader, most_bytes=MOST), chunks)
    assert is_refusal(sent)
    assert reader.broken_off


async def test_a_length_that_lies_does_not_help() -> None:
    assert is_refusal(await ask(BodyLimit(Reader(), most_bytes=MOST), [b"x" * (MOST + 1)], b"1"))
