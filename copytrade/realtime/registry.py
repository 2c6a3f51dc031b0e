"""The streams and requests that apps offer; each registers its own when it starts."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

Caller = AbstractBaseUser | AnonymousUser
Resolve = Callable[[Caller, Any], str]
Answer = Callable[[Caller, Any], Mapping[str, Any]]

_streams: dict[str, Resolve] = {}
_requests: dict[str, Answer] = {}


def register_stream(kind: str, resolve: Resolve) -> None:
    """Offer `subscribe:KIND`: `resolve` returns the stream's name, or raises an ApplicationError to refuse."""
    _streams[kind] = resolve


def register_request(event: str, answer: Answer) -> None:
    """Offer a request: `answer` returns the data of its acknowledgement, or raises an ApplicationError."""
    _requests[event] = answer


def stream_resolver(kind: str) -> Resolve | None:
    """Return how a kind of stream is resolved, None for an unknown kind."""
    return _streams.get(kind)


def request_answer(event: str) -> Answer | None:
    """Return what answers a request, None for an unknown one."""
    return _requests.get(event)


def known_events() -> list[str]:
    """Return everything that a client may send, for error messages."""
    subscriptions = [f"{verb}:{kind}" for kind in _streams for verb in ("subscribe", "unsubscribe")]
    return sorted([*subscriptions, *_requests, "resume", "ping"])
