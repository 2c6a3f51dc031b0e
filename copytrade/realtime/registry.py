"""The streams and requests that apps offer; each registers its own when it starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

Caller = AbstractBaseUser | AnonymousUser
Answer = Callable[[Caller, Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A kind of stream. `name` reads the stream's name from a request's data, `check` refuses whom it is not for.

    Both refuse with an ApplicationError; only subscribing is checked, so that anybody can leave.
    """

    name: Callable[[Any], str]
    check: Callable[[Caller, Any], None]


_streams: dict[str, Stream] = {}
_requests: dict[str, Answer] = {}


def register_stream(kind: str, stream: Stream) -> None:
    """Offer `subscribe:KIND` and `unsubscribe:KIND`."""
    _streams[kind] = stream


def register_request(event: str, answer: Answer) -> None:
    """Offer a request: `answer` returns the data of its acknowledgement, or raises an ApplicationError."""
    _requests[event] = answer


def stream_of(kind: str) -> Stream | None:
    """Return a kind of stream, None for an unknown one."""
    return _streams.get(kind)


def request_answer(event: str) -> Answer | None:
    """Return what answers a request, None for an unknown one."""
    return _requests.get(event)


def known_events() -> list[str]:
    """Return everything that a client may send, for error messages."""
    subscriptions = [f"{verb}:{kind}" for kind in _streams for verb in ("subscribe", "unsubscribe")]
    return sorted([*subscriptions, *_requests, "resume", "ping"])
