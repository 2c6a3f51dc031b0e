"""A transport that answers from a script: what exchanges would say, by path; and what they were asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from markets.venues.http import Answer

Reply = Any  # JSON, an `Answer`, an exception to raise, or a function of the parameters that returns one of these


@dataclass
class Asked:
    """A request as it was sent."""

    method: str
    path: str
    parameters: dict[str, Any]


@dataclass
class ScriptedTransport:
    """Replies by the end of the path."""

    script: dict[str, Reply]
    asked: list[Asked] = field(default_factory=list)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query)) | _decoded(body)
        self.asked.append(Asked(method, parts.path, parameters))
        reply = next(reply for path, reply in self.script.items() if parts.path.endswith(path))
        if isinstance(reply, Callable):  # type: ignore[arg-type]
            reply = reply(parameters)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Answer) else Answer(200, {}, json.dumps(reply).encode())

    async def close(self) -> None:
        """Nothing is open."""

    def last(self, path: str) -> dict[str, Any]:
        """Return the parameters of the last request to a path."""
        return next(each.parameters for each in reversed(self.asked) if each.path.endswith(path))


def _decoded(body: bytes | None) -> dict[str, Any]:
    if not body:
        return {}
    text = body.decode()
    found = json.loads(text) if text[0] in "[{" else dict(parse_qsl(text))
    return found[0] if isinstance(found, list) else found
